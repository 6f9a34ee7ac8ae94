//! Checks documents against contracts: by the schema, which a consumer in any language has, and by the type.

pub mod arguments;

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;
use spillway_contracts::schema::{Contract, contracts};

/// Every contract, ready to check documents.
pub struct Contracts(Vec<(Contract, Validator)>);

/// Why a document keeps no contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// There is no contract of that name.
    Unknown { name: String, names: Vec<&'static str> },
    /// It isn't JSON.
    NotJson(String),
    /// It breaks the contract in these places.
    Broken(Vec<Fault>),
}

/// What is wrong in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The JSON pointer of the place, such as `/cycles/0/upload`; empty for the whole document.
    pub place: String,
    pub reason: String,
}

impl Contracts {
    /// Compiles all schemas.
    ///
    /// # Panics
    ///
    /// If a schema is not valid, which the tests of the contracts rule out.
    pub fn new() -> Self {
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let compiled = |contract: Contract| {
            let validator = options.build(contract.schema.as_value()).expect("every contract has a valid schema");
            (contract, validator)
        };
        Self(contracts().into_iter().map(compiled).collect())
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(contract, _)| contract.name).collect()
    }

    /// Whether `text` is a document of the contract `name`; if not, everything that is wrong with it.
    ///
    /// The schema finds all faults. What only the type sees, such as the length of a name in bytes, comes one at a time.
    pub fn check(&self, name: &str, text: &str) -> Result<(), Breach> {
        let Some((contract, validator)) = self.0.iter().find(|(contract, _)| contract.name == name) else {
            return Err(Breach::Unknown { name: name.to_owned(), names: self.names() });
        };
        let document: Value = serde_json::from_str(text).map_err(|error| Breach::NotJson(error.to_string()))?;
        let fault = |error: jsonschema::ValidationError| Fault {
            place: error.instance_path().to_string(),
            reason: error.masked().to_string(),
        };
        let mut faults: Vec<Fault> = validator.iter_errors(&document).map(fault).collect();
        if let (true, Err(error)) = (faults.is_empty(), (contract.parse)(text)) {
            let path = error.path().to_string();
            faults.push(Fault { place: path, reason: error.into_inner().to_string() });
        }
        if faults.is_empty() { Ok(()) } else { Err(Breach::Broken(faults)) }
    }
}

impl Default for Contracts {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, names } => {
                write!(f, "there is no contract {name:?}; there are {}", names.join(", "))
            }
            Self::NotJson(reason) => write!(f, "it is not JSON: {reason}"),
            Self::Broken(faults) => {
                let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "the document" } else { &self.place };
        write!(f, "{place}: {}", self.reason)
    }
}
