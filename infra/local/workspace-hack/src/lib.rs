//! Nothing to link: see `Cargo.toml`.
