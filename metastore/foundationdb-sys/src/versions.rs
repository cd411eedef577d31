//! The macro by which the `foundationdb` crate selects code by API version. Here there is one version: 730.

/// Keeps the code for API version 730: everything with a minimum version (none in the crate is above 730), nothing with
/// a maximum version (all of them are below 730).
#[macro_export]
macro_rules! if_cfg_api_versions {
    (min = $min:tt, max = $max:tt => { $($then:tt)* } else { $($otherwise:tt)* }) => {{ $($otherwise)* }};
    (min = $min:tt, max = $max:tt => $($then:tt)*) => {};
    (min = $min:tt => { $($then:tt)* } else { $($otherwise:tt)* }) => {{ $($then)* }};
    (min = $min:tt => $($then:tt)*) => { $($then)* };
}
