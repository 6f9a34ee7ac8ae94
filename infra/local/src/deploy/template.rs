//! Packages a SAM template: what it says about local files becomes where they were uploaded to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use spillway_stack::FileError;
use tokio::io::AsyncWriteExt;

use crate::python::venv::Venv;

/// Spells out YAML's tags (`!Ref`, `!GetAtt`, …) with the reader that SAM itself uses.
const TO_JSON: &str = include_str!("template_json.py");

/// A SAM template, every tag spelled out.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Value);

/// Why a template can't be packaged.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It isn't YAML, or what reads it doesn't work.
    #[error("cannot parse the template:\n{0}")]
    Parse(String),
    #[error("the template's function {0} has no Metadata.BuildProperties.Binary")]
    NoBinary(String),
    #[error("the template's resource {resource} needs `{artifact}`, which was not uploaded")]
    NotUploaded {
        /// The resource's logical id.
        resource: String,
        /// A binary's name, or a file's path.
        artifact: String,
    },
}

impl Template {
    /// Reads the template at `path`.
    pub async fn read(path: &Path, venv: &Venv) -> Result<Self, TemplateError> {
        let yaml = std::fs::read(path).map_err(FileError::to("read", path))?;
        let failed = |error: std::io::Error| TemplateError::Parse(error.to_string());
        let mut command = venv.command("python");
        command.args(["-I", "-c", TO_JSON]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut python = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = python.stdin.take() {
            // If it ended before it read everything, its status and output say why.
            let _ = stdin.write_all(&yaml).await;
        }
        let output = python.wait_with_output().await.map_err(failed)?;
        if !output.status.success() {
            return Err(TemplateError::Parse(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        serde_json::from_slice(&output.stdout).map(Self).map_err(|error| TemplateError::Parse(error.to_string()))
    }

    pub fn binaries(&self) -> Result<BTreeSet<String>, TemplateError> {
        self.functions().map(|(id, function)| binary_of(id, function).map(str::to_owned)).collect()
    }

    /// The files that hold the state machines' definitions, as the template names them.
    pub fn definitions(&self) -> BTreeSet<String> {
        self.resources().filter_map(|(_, resource)| definition_of(resource)).map(str::to_owned).collect()
    }

    /// Puts in, for each binary and each definition, its key in `bucket`.
    pub fn package(mut self, bucket: &str, keys: &BTreeMap<String, String>) -> Result<Value, TemplateError> {
        let Some(Value::Object(resources)) = self.0.get_mut("Resources") else { return Ok(self.0) };
        for (id, resource) in resources {
            let (property, artifact) = if is_function(resource) {
                ("CodeUri", binary_of(id, resource)?.to_owned())
            } else if let Some(file) = definition_of(resource) {
                ("DefinitionUri", file.to_owned())
            } else {
                continue;
            };
            let Some(key) = keys.get(&artifact) else {
                return Err(TemplateError::NotUploaded { resource: id.clone(), artifact });
            };
            resource["Properties"][property] = json!({ "Bucket": bucket, "Key": key });
        }
        Ok(self.0)
    }

    fn functions(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.resources().filter(|(_, resource)| is_function(resource))
    }

    fn resources(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0["Resources"].as_object().into_iter().flatten()
    }
}

fn is_function(resource: &Value) -> bool {
    resource["Type"] == "AWS::Serverless::Function"
}

fn binary_of<'a>(id: &str, function: &'a Value) -> Result<&'a str, TemplateError> {
    let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str();
    binary.ok_or_else(|| TemplateError::NoBinary(id.to_owned()))
}

/// The local file that a state machine is defined in, if it is one and is defined in one.
fn definition_of(resource: &Value) -> Option<&str> {
    let is_state_machine = resource["Type"] == "AWS::Serverless::StateMachine";
    let file = resource["Properties"]["DefinitionUri"].as_str().filter(|uri| !uri.starts_with("s3://"));
    file.filter(|_| is_state_machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Template {
        Template(json!({
            "Globals": { "Function": { "Runtime": "provided.al2023", "CodeUri": ".." } },
            "Resources": {
                "Queue": { "Type": "AWS::SQS::Queue" },
                "CleanerFunction": {
                    "Type": "AWS::Serverless::Function",
                    "Metadata": { "BuildMethod": "rust-cargolambda", "BuildProperties": { "Binary": "cleaner" } },
                    "Properties": { "Timeout": 30 },
                },
                "LoggingFunction": {
                    "Type": "AWS::Serverless::Function",
                    "Metadata": { "BuildProperties": { "Binary": "logging" } },
                },
                "Driver": {
                    "Type": "AWS::Serverless::StateMachine",
                    "Properties": { "DefinitionUri": "../driver.asl.json", "Type": "STANDARD" },
                },
            },
        }))
    }

    fn keys(artifacts: &[&str]) -> BTreeMap<String, String> {
        artifacts.iter().map(|&artifact| (artifact.to_owned(), format!("key-of-{artifact}"))).collect()
    }

    #[test]
    fn a_template_says_what_to_upload() {
        assert_eq!(template().binaries().unwrap(), BTreeSet::from(["cleaner".to_owned(), "logging".to_owned()]));
        assert_eq!(template().definitions(), BTreeSet::from(["../driver.asl.json".to_owned()]));
    }

    #[test]
    fn packaging_changes_where_code_and_definitions_are_and_nothing_else() {
        let packaged = template().package("artifacts", &keys(&["cleaner", "logging", "../driver.asl.json"])).unwrap();
        let mut expected = template().0;
        let uploaded = |artifact: &str| json!({ "Bucket": "artifacts", "Key": format!("key-of-{artifact}") });
        expected["Resources"]["CleanerFunction"]["Properties"]["CodeUri"] = uploaded("cleaner");
        expected["Resources"]["LoggingFunction"]["Properties"] = json!({ "CodeUri": uploaded("logging") });
        expected["Resources"]["Driver"]["Properties"]["DefinitionUri"] = uploaded("../driver.asl.json");
        assert_eq!(packaged, expected);
    }

    #[test]
    fn a_function_without_a_binary_is_named() {
        let mut template = template();
        template.0["Resources"]["CleanerFunction"]["Metadata"] = json!({});
        let error = template.binaries().unwrap_err().to_string();
        assert_eq!(error, "the template's function CleanerFunction has no Metadata.BuildProperties.Binary");
    }

    #[test]
    fn what_was_not_uploaded_is_named() {
        let error = template().package("artifacts", &keys(&["cleaner", "logging"])).unwrap_err().to_string();
        assert_eq!(error, "the template's resource Driver needs `../driver.asl.json`, which was not uploaded");
    }
}
