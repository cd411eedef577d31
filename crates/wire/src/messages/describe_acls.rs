//! DescribeAcls (29): lists access control rules. Resource and pattern types, operations and permissions are Kafka's
//! numbers.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeAclsRequest of DescribeAcls {
        resource_type_filter: i8,
        /// Null, here and below, matches anything.
        resource_name_filter: Option<String> [null ..] = Some(String::new()),
        /// 3: literal.
        pattern_type_filter: i8 = 3,
        principal_filter: Option<String> [null ..] = Some(String::new()),
        host_filter: Option<String> [null ..] = Some(String::new()),
        operation: i8,
        permission_type: i8,
    }

    response DescribeAclsResponse of DescribeAcls {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
        resources: Vec<DescribeAclsResource>,
    }

    struct DescribeAclsResource {
        resource_type: i8,
        resource_name: String,
        pattern_type: i8 = 3,
        acls: Vec<AclDescription>,
    }

    struct AclDescription {
        principal: String,
        host: String,
        operation: i8,
        permission_type: i8,
    }
}
