//! The JSON schemas, by name.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::{alarm, ledger, line, notification, report, run, task};

/// A contract: the name of its schema's file, and the schema.
pub struct Contract {
    /// The name, as in `schemas/<name>.schema.json` and `examples/<name>.ok-*.json`.
    pub name: &'static str,
    /// The schema, draft 2020-12.
    pub schema: Schema,
    /// Reads a document as the contract's type; the error says what is wrong and where it can.
    pub parse: fn(&str) -> Result<(), serde_json::Error>,
}

/// Every contract there is.
pub fn contracts() -> Vec<Contract> {
    vec![
        contract::<notification::S3Message>("s3-message"),
        contract::<notification::SnsEnvelope>("sns-envelope"),
        contract::<alarm::AlarmEvent>("alarm-event"),
        contract::<ledger::ObjectRow>("object-row"),
        contract::<ledger::Tombstone>("tombstone"),
        contract::<ledger::StateRow>("state-row"),
        contract::<ledger::HistoryRecord>("history-record"),
        contract::<line::TotalSizeLine>("total-size-line"),
        contract::<line::ObjectEventLine>("object-event-line"),
        contract::<line::CleanerDecisionLine>("cleaner-decision-line"),
        contract::<run::RunInput>("run-input"),
        contract::<task::PrepareRunRequest>("prepare-run-request"),
        contract::<task::PrepareRunResponse>("prepare-run-response"),
        contract::<task::AlignWindowRequest>("align-window-request"),
        contract::<task::AlignWindowResponse>("align-window-response"),
        contract::<task::UploadRequest>("upload-request"),
        contract::<task::UploadResponse>("upload-response"),
        contract::<task::WaitForDeletionRequest>("wait-for-deletion-request"),
        contract::<task::WaitForDeletionResponse>("wait-for-deletion-response"),
        contract::<task::WaitForAlarmOkRequest>("wait-for-alarm-ok-request"),
        contract::<task::WaitForAlarmOkResponse>("wait-for-alarm-ok-response"),
        contract::<task::CallPlotApiRequest>("call-plot-api-request"),
        contract::<task::StoredPlot>("call-plot-api-response"),
        contract::<report::RunReport>("run-report"),
        contract::<report::RunFailure>("run-failure"),
    ]
}

fn contract<T: JsonSchema + serde::de::DeserializeOwned>(name: &'static str) -> Contract {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("$id".into(), format!("https://spillway.example/schemas/{name}.schema.json").into());
    Contract { name, schema, parse: |text| serde_json::from_str::<T>(text).map(drop) }
}

impl Contract {
    /// The schema's file: its name under `schemas/`.
    pub fn file_name(&self) -> String {
        format!("{}.schema.json", self.name)
    }

    /// The schema as it is committed.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.schema).expect("a schema is JSON");
        text.push('\n');
        text
    }
}
