//! The interpreter of state machines: MiniStack's, on its own, with mocked tasks and without waiting.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent, HistoryEventType, MapIterationEventDetails};
use serde_json::Value;
use spillway_local::emulator::client;
use spillway_local::emulator::ministack::{MiniStack, Settings};
use spillway_stack::workspace::Workspace;
use spillway_tests::case::Lock;
use spillway_tests::machine::Machine;
use spillway_tests::{live, ministack};
use tempfile::NamedTempFile;
use tokio::sync::SemaphorePermit;
use tokio::time::{interval, timeout};

const KEY: &str = "object_name";
/// Far more than an execution takes that doesn't wait.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs state machines.
pub struct Interpreter {
    sfn: aws_sdk_sfn::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    ministack: MiniStack,
    _mocks: NamedTempFile,
    _turn: SemaphorePermit<'static>,
}

/// An execution that has ended.
pub struct Execution {
    /// How it ended.
    pub description: DescribeExecutionOutput,
    /// What happened until then; after the entry into a Distributed Map also what happened in its executions.
    pub events: Vec<HistoryEvent>,
}

impl Interpreter {
    /// Starts it with mocks in the format of AWS Step Functions Local.
    pub async fn start(mocks: &Value) -> Self {
        let turn = live().await;
        let mut file = NamedTempFile::new().expect("a file for the mocks");
        file.write_all(mocks.to_string().as_bytes()).expect("the mocks can be written");
        let workspace = Workspace::locate().await.expect("cargo knows the workspace");
        let directory = workspace.local();
        let settings = Settings::from([
            ("SFN_MOCK_CONFIG", file.path().into()),
            ("SFN_WAIT_SCALE", "0".into()),
            // There are no roles; those of the template are tested with the whole stack.
            ("AUTH", "false".into()),
        ]);
        let ministack = MiniStack::start(&ministack().await, &directory, None, &settings).await;
        let ministack = ministack.expect("MiniStack starts");
        let config = client::sdk_config(&ministack.endpoint());
        Self {
            sfn: aws_sdk_sfn::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            s3: client::s3(&config),
            ministack,
            _mocks: file,
            _turn: turn,
        }
    }

    /// Ends it.
    pub async fn stop(self) {
        self.ministack.stop().await;
    }

    /// Runs a machine, which gets the name of the test case that its tasks are mocked for, to its end.
    pub async fn execute(&self, name: &str, definition: &Value, input: &Value) -> Execution {
        let machine = self.sfn.create_state_machine().name(name).definition(definition.to_string());
        let machine = machine.role_arn("arn:aws:iam::000000000000:role/machine").send().await;
        let machine = machine.expect("the definition is accepted").state_machine_arn;
        let start = self.sfn.start_execution().state_machine_arn(format!("{machine}#{name}")).name(name);
        let arn = start.input(input.to_string()).send().await.expect("an execution can be started").execution_arn;
        let description = timeout(DEADLINE, self.end_of(&arn)).await;
        let description = description.unwrap_or_else(|_| panic!("{name} does not end"));
        let mut events = Vec::new();
        for event in self.history(&arn).await {
            let entered = event.state_entered_event_details().map(|details| details.name().to_owned());
            events.push(event);
            if let Some(name) = entered {
                events.extend(self.iterations(&arn, &name).await);
            }
        }
        Execution { description, events }
    }

    async fn history(&self, execution: &str) -> Vec<HistoryEvent> {
        let history = self.sfn.get_execution_history().execution_arn(execution).max_results(1000).into_paginator();
        history.items().send().collect::<Result<_, _>>().await.expect("an execution has a history")
    }

    /// What happened in the executions that are the iterations of a Distributed Map, as if they were those of another Map.
    async fn iterations(&self, execution: &str, map: &str) -> Vec<HistoryEvent> {
        let runs = self.sfn.list_map_runs().execution_arn(execution).send().await.expect("Map Runs can be listed");
        let Some(run) = runs.map_runs.iter().find(|run| run.map_run_arn.contains(&format!("/{map}:"))) else {
            return Vec::new();
        };
        let children = self.sfn.list_executions().map_run_arn(&run.map_run_arn).send().await;
        let mut events = Vec::new();
        // The newest one comes first.
        for (index, child) in children.expect("executions can be listed").executions.iter().rev().enumerate() {
            let iteration = MapIterationEventDetails::builder().name(map).index(index as i32).build();
            let begun = HistoryEvent::builder().timestamp(child.start_date).id(0);
            let begun = begun.r#type(HistoryEventType::MapIterationStarted);
            let begun = begun.map_iteration_started_event_details(iteration).build();
            events.push(begun.expect("an event has a time, an id and a type"));
            events.extend(self.history(&child.execution_arn).await);
        }
        events
    }

    async fn end_of(&self, arn: &str) -> DescribeExecutionOutput {
        let mut tick = interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let description = self.sfn.describe_execution().execution_arn(arn).send().await;
            let description = description.expect("an execution can be described");
            if description.status != ExecutionStatus::Running {
                return description;
            }
        }
    }

    /// Creates a table like ObjectTable.
    pub async fn create_table(&self, name: &str) {
        let key = KeySchemaElement::builder().attribute_name(KEY).key_type(KeyType::Hash).build();
        let attribute =
            AttributeDefinition::builder().attribute_name(KEY).attribute_type(ScalarAttributeType::S).build();
        let table = self.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        let table = table.key_schema(key.expect("a key")).attribute_definitions(attribute.expect("an attribute"));
        table.send().await.expect("a table can be created");
    }

    /// Creates a bucket with this many objects of one byte.
    pub async fn create_bucket(&self, name: &str, objects: usize) {
        self.s3.create_bucket().bucket(name).send().await.expect("a bucket can be created");
        for number in 1..=objects {
            let request = self.s3.put_object().bucket(name).key(format!("object-{number:04}"));
            request.body(ByteStream::from_static(b"x")).send().await.expect("an object can be put");
        }
    }

    /// Puts a machine's lock into a table.
    pub async fn lock(&self, machine: &Machine, table: &str, lock: &Lock) {
        let lock = HashMap::from([
            (KEY.to_owned(), AttributeValue::S(machine.lock_key())),
            (machine.holder(), AttributeValue::S(lock.held_by.clone())),
            ("expires_at".to_owned(), AttributeValue::N(lock.expires_at.to_string())),
        ]);
        let request = self.dynamodb.put_item().table_name(table).set_item(Some(lock));
        request.send().await.expect("a lock can be put");
    }

    /// Which execution's lock is in a table.
    pub async fn held_by(&self, machine: &Machine, table: &str) -> Option<String> {
        let request = self.dynamodb.get_item().table_name(table).key(KEY, AttributeValue::S(machine.lock_key()));
        let lock = request.send().await.expect("a lock can be read").item?;
        Some(lock[&machine.holder()].as_s().expect("a lock names its execution").clone())
    }
}
