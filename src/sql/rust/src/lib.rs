//! Jinja for Weir: the minijinja crate behind the C ABI that ../template.cpp declares.
//!
//! Texts cross as (pointer, length) in UTF-8, values as JSON. What a function returns in an `Outcome` belongs to the caller,
//! who frees it with `weir_outcome_free`. No panic crosses: each entry catches it and reports it as an error.

mod abi;
mod engine;
mod value;
