//! The `foundationdb` crate's way to ask for which versions a piece of it is. Here there is one: 730.

/// Keeps what is for API version 730: everything with a minimum (none in the crate is above it), nothing with a maximum
/// (all of them are below it).
#[macro_export]
macro_rules! if_cfg_api_versions {
    (min = $min:tt, max = $max:tt => { $($then:tt)* } else { $($otherwise:tt)* }) => {{ $($otherwise)* }};
    (min = $min:tt, max = $max:tt => $($then:tt)*) => {};
    (min = $min:tt => { $($then:tt)* } else { $($otherwise:tt)* }) => {{ $($then)* }};
    (min = $min:tt => $($then:tt)*) => { $($then)* };
}
