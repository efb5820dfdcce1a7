# Rust crates become one static library; see src/sql/rust.
