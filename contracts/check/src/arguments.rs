//! What `cargo contracts` is asked for.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "Examples:
  cargo contracts
      Write the schemas after a change of a type.
  cargo contracts check scenario.json --as run-input
      Say every place where a scenario breaks its contract.";

const EXAMPLES_OF_CHECK: &str = "Examples:
  cargo contracts check scenario.json --as run-input
      Say every place where a scenario breaks its contract.
  cargo contracts check - --as run-report
      Check what comes through a pipe, here the output of an execution.";

/// Writes the JSON schemas to contracts/schemas, or checks a document against one.
#[derive(Debug, Parser)]
#[command(name = "cargo contracts", bin_name = "cargo contracts", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Without it, the schemas are written.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Another task than to write the schemas.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks a document against a contract, and says what is wrong with it.
    #[command(after_help = EXAMPLES_OF_CHECK)]
    Check {
        /// The document; `-` for the standard input.
        file: PathBuf,
        /// The contract, such as run-input.
        #[arg(long = "as", value_name = "NAME")]
        name: String,
    },
}
