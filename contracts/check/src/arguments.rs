//! What `cargo contracts` is asked for.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Writes the JSON schemas to contracts/schemas, or checks a document against one.
#[derive(Debug, Parser)]
#[command(name = "cargo contracts", bin_name = "cargo contracts")]
pub struct Arguments {
    /// Without it, the schemas are written.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Another task than to write the schemas.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks a document against a contract, and says what is wrong with it.
    Check {
        /// The document; `-` for the standard input.
        file: PathBuf,
        /// The contract, such as run-input.
        #[arg(long = "as", value_name = "NAME")]
        name: String,
    },
}
