//! The JSON schemas, by name.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Track;

use crate::{
    alarm, audit, failure, ledger, log_line, notification, plot, queue, report, run, schedule, summary, task, usage,
};

/// The version of all contracts. `contracts/README.md` says when it has to be raised.
pub const VERSION: u32 = 1;

/// A contract: the name of its schema's file, and the schema.
pub struct Contract {
    /// The name, as in `schemas/<name>.schema.json` and `examples/<name>/ok-*.json`.
    pub name: &'static str,
    /// The schema, draft 2020-12.
    pub schema: Schema,
    /// Reads a document as the contract's type; the error says where it is wrong, and how.
    pub parse: fn(&str) -> Result<(), ParseError>,
}

/// Why a document can't be read as a contract's type. Displays as the path of the field and what is wrong with it.
pub type ParseError = serde_path_to_error::Error<serde_json::Error>;

/// Every contract there is.
pub fn contracts() -> Vec<Contract> {
    vec![
        contract::<notification::S3Message>("s3-message"),
        contract::<notification::SnsEnvelope>("sns-envelope"),
        contract::<notification::S3TestEvent>("s3-test-event"),
        contract::<queue::SqsBatch>("sqs-batch"),
        contract::<queue::SqsBatchResponse>("sqs-batch-response"),
        contract::<alarm::AlarmEvent>("alarm-event"),
        contract::<plot::PlotRequest>("plot-request"),
        contract::<plot::PlotResponse>("plot-response"),
        contract::<plot::PlotError>("plot-error"),
        contract::<usage::UsageRequest>("usage-request"),
        contract::<usage::Usage>("usage"),
        contract::<usage::Plan>("plan"),
        contract::<schedule::Heartbeat>("heartbeat"),
        contract::<schedule::SafetyNet>("safety-net"),
        contract::<schedule::SumUp>("sum-up"),
        contract::<ledger::ObjectRow>("object-row"),
        contract::<ledger::Tombstone>("tombstone"),
        contract::<ledger::StateRow>("state-row"),
        contract::<ledger::RunLockRow>("run-lock-row"),
        contract::<ledger::CleanerRow>("cleaner-row"),
        contract::<ledger::HistoryRecord>("history-record"),
        contract::<ledger::CleaningRecord>("cleaning-record"),
        contract::<summary::HistorySummary>("history-summary"),
        contract::<log_line::TotalSizeLine>("total-size-line"),
        contract::<log_line::ObjectEventLine>("object-event-line"),
        contract::<log_line::CleanerDecisionLine>("cleaner-decision-line"),
        contract::<log_line::LogLine>("log-line"),
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
        contract::<task::CheckRunRequest>("check-run-request"),
        contract::<task::CheckRunResponse>("check-run-response"),
        contract::<task::CallPlotApiRequest>("call-plot-api-request"),
        contract::<plot::StoredPlot>("call-plot-api-response"),
        contract::<report::RunReport>("run-report"),
        contract::<report::RunFailure>("run-failure"),
        contract::<failure::Failure>("function-error"),
        contract::<audit::AuditInput>("audit-input"),
        contract::<audit::PrepareAuditRequest>("prepare-audit-request"),
        contract::<audit::AuditPlan>("prepare-audit-response"),
        contract::<audit::AuditObjectsRequest>("audit-objects-request"),
        contract::<audit::Found>("audit-objects-response"),
        contract::<audit::AuditRowsRequest>("audit-rows-request"),
        contract::<audit::RowsProgress>("audit-rows-response"),
        contract::<audit::ReportAuditRequest>("report-audit-request"),
        contract::<audit::ReportAuditResponse>("report-audit-response"),
        contract::<audit::AuditReport>("audit-report"),
        contract::<audit::AuditFailure>("audit-failure"),
        contract::<audit::AuditFindings>("audit-findings"),
        contract::<audit::AuditLockRow>("audit-lock-row"),
        contract::<audit::AuditedRow>("audited-row"),
        contract::<log_line::AuditLine>("audit-line"),
        contract::<log_line::AuditAgeLine>("audit-age-line"),
    ]
}

/// A newtype that checks its value on the way in needs `#[schemars(!try_from)]`: otherwise the schema would be that of the
/// value before the check, without its bounds.
fn contract<T: JsonSchema + DeserializeOwned>(name: &'static str) -> Contract {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(bound_integers));
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("$id".into(), format!("https://spillway.example/schemas/v{VERSION}/{name}.schema.json").into());
    schema.insert("version".into(), VERSION.into());
    Contract { name, schema, parse: parse::<T> }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<(), ParseError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize::<_, T>(&mut json)?;
    json.end().map_err(|error| ParseError::new(Track::new().path(), error))
}

/// Says with keywords what `format` says of an integer: validators don't know the name of a Rust type.
fn bound_integers(schema: &mut Schema) {
    let (least, most): (Value, Value) = match schema.get("format").and_then(Value::as_str) {
        Some("uint16") => (u16::MIN.into(), u16::MAX.into()),
        Some("uint32") => (u32::MIN.into(), u32::MAX.into()),
        Some("uint64") => (u64::MIN.into(), u64::MAX.into()),
        Some("int64") => (i64::MIN.into(), i64::MAX.into()),
        _ => return,
    };
    let bounds = schema.ensure_object();
    bounds.entry("minimum").or_insert(least);
    bounds.entry("maximum").or_insert(most);
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
