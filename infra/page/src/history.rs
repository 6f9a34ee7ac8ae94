//! An execution's history, read as states that were entered and left.
//!
//! One state goes on at a time, and within a Map with one iteration at a time one inside it: an event that names no state
//! belongs to the innermost one.

use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType as Type};
use serde_json::Value;

use crate::record::{Attempt, Millis, Outcome, Record, State};

/// What was read of one execution.
#[derive(Clone, Debug)]
pub(crate) struct History {
    run: String,
    newest: i64,
    cycle: Option<u32>,
    /// Whether the states inside a Map are read, too.
    has_iterations: bool,
    /// How many iterations go on of a Map whose states are not read.
    iterations: usize,
    /// The states that go on, the outermost first.
    open: Vec<State>,
    changed: Vec<State>,
}

impl History {
    pub(crate) fn of(run: &str) -> Self {
        let (open, changed) = (Vec::new(), Vec::new());
        Self { run: run.to_owned(), newest: 0, cycle: None, has_iterations: true, iterations: 0, open, changed }
    }

    /// Of an execution some of whose Maps have several iterations at a time: what is inside of those is left out.
    pub(crate) fn without_iterations(run: &str) -> Self {
        Self { has_iterations: false, ..Self::of(run) }
    }

    /// The number of the newest event that was read.
    pub(crate) fn newest(&self) -> i64 {
        self.newest
    }

    /// Reads `events`, oldest first, and gives the states that they changed.
    pub(crate) fn read(&mut self, events: &[HistoryEvent]) -> Vec<Record> {
        let read_before = self.newest;
        for event in events.iter().filter(|event| event.id > read_before) {
            self.newest = event.id;
            self.apply(event);
        }
        let open = self.open.iter().cloned();
        std::mem::take(&mut self.changed).into_iter().chain(open).map(Record::State).collect()
    }

    fn apply(&mut self, event: &HistoryEvent) {
        let at = millis(&event.timestamp);
        if !self.has_iterations && self.is_inside(event) {
            return;
        }
        if let Some(entered) = event.state_entered_event_details() {
            self.open.push(State {
                id: format!("{}/{}", self.run, event.id),
                run: self.run.clone(),
                name: entered.name.clone(),
                cycle: self.cycle,
                at,
                input: document(entered.input()),
                ..State::default()
            });
        } else if let Some(exited) = event.state_exited_event_details() {
            // What is inside a Map has ended before the Map.
            while self.open.last().is_some_and(|state| state.name != exited.name) {
                self.close(at, Outcome::Failed);
            }
            if let Some(state) = self.open.last_mut() {
                state.output = document(exited.output());
                let outcome = if state.error.is_some() { Outcome::Caught } else { Outcome::Done };
                self.close(at, outcome);
            }
        } else if let Some(attempt) = scheduled(event) {
            if let Some(state) = self.open.last_mut() {
                // It is tried again.
                (state.error, state.cause) = (None, None);
                state.attempts.push(Attempt { at, input: attempt, ..Attempt::default() });
            }
        } else if let Some(output) = succeeded(event) {
            if let Some(attempt) = self.attempt() {
                (attempt.until, attempt.output) = (Some(at), output);
            }
        } else if let Some((error, cause)) = failed(event) {
            if let Some(attempt) = self.attempt().filter(|attempt| attempt.until.is_none()) {
                (attempt.until, attempt.error, attempt.cause) = (Some(at), error.clone(), cause.clone());
            }
            if let Some(state) = self.open.last_mut() {
                (state.error, state.cause) = (error, cause);
            }
        }
        match event.r#type {
            Type::MapIterationStarted => {
                self.cycle =
                    event.map_iteration_started_event_details().and_then(|it| u32::try_from(it.index + 1).ok());
            }
            Type::MapIterationSucceeded => self.cycle = None,
            Type::MapIterationFailed | Type::MapIterationAborted => self.leave_iteration(at),
            Type::MapStateFailed => {
                self.leave_iteration(at);
                if let Some(map) = self.open.last_mut().filter(|map| map.error.is_none()) {
                    // The definition has it from the state that failed; the event names no error.
                    map.error = Some("States.MapIterationFailed".to_owned());
                }
            }
            Type::ExecutionSucceeded => self.close_all(at, Outcome::Done),
            Type::ExecutionFailed | Type::ExecutionTimedOut | Type::ExecutionAborted => {
                self.close_all(at, Outcome::Failed);
            }
            _ => {}
        }
    }

    /// Whether this is about an iteration of a Map, or about a state inside it.
    fn is_inside(&mut self, event: &HistoryEvent) -> bool {
        match event.r#type {
            Type::MapIterationStarted => self.iterations += 1,
            Type::MapIterationSucceeded | Type::MapIterationFailed | Type::MapIterationAborted => {
                self.iterations = self.iterations.saturating_sub(1);
            }
            Type::MapStateSucceeded | Type::MapStateFailed | Type::MapStateAborted => {
                self.iterations = 0;
                return false;
            }
            Type::ExecutionFailed | Type::ExecutionTimedOut | Type::ExecutionAborted => return false,
            _ => return self.iterations > 0,
        }
        true
    }

    fn attempt(&mut self) -> Option<&mut Attempt> {
        self.open.last_mut()?.attempts.last_mut()
    }

    /// Ends what is inside the Map; the Map has its error.
    fn leave_iteration(&mut self, at: Millis) {
        self.cycle = None;
        while self.open.len() > 1 {
            let inner = self.open.last().map(|state| (state.error.clone(), state.cause.clone()));
            self.close(at, Outcome::Failed);
            if let (Some(map), Some((error, cause))) = (self.open.last_mut(), inner) {
                (map.error, map.cause) = (error, cause);
            }
        }
    }

    fn close(&mut self, at: Millis, outcome: Outcome) {
        if let Some(state) = self.open.pop() {
            self.changed.push(State { until: Some(at), outcome, ..state });
        }
    }

    fn close_all(&mut self, at: Millis, outcome: Outcome) {
        while !self.open.is_empty() {
            self.close(at, outcome);
        }
    }
}

/// The arguments of a task that begins.
fn scheduled(event: &HistoryEvent) -> Option<Value> {
    if let Some(task) = event.task_scheduled_event_details() {
        return Some(document(Some(&task.parameters)));
    }
    event.lambda_function_scheduled_event_details().map(|task| document(task.input()))
}

/// The answer of a task that has ended.
fn succeeded(event: &HistoryEvent) -> Option<Value> {
    if let Some(task) = event.task_succeeded_event_details() {
        return Some(document(task.output()));
    }
    event.lambda_function_succeeded_event_details().map(|task| document(task.output()))
}

/// The name of an error and the error in words.
type Failure = (Option<String>, Option<String>);

/// What a state or a task fails with.
fn failed(event: &HistoryEvent) -> Option<Failure> {
    if let Some(it) = event.task_failed_event_details() {
        return Some((it.error.clone(), it.cause.clone()));
    }
    if let Some(it) = event.task_timed_out_event_details() {
        return Some((it.error.clone().or(Some("States.Timeout".to_owned())), it.cause.clone()));
    }
    if let Some(it) = event.task_submit_failed_event_details() {
        return Some((it.error.clone(), it.cause.clone()));
    }
    if let Some(it) = event.task_start_failed_event_details() {
        return Some((it.error.clone(), it.cause.clone()));
    }
    if let Some(it) = event.lambda_function_failed_event_details() {
        return Some((it.error.clone(), it.cause.clone()));
    }
    if let Some(it) = event.evaluation_failed_event_details() {
        return Some((it.error.clone(), it.cause.clone()));
    }
    if let Some(it) = event.map_run_failed_event_details() {
        return Some((it.error.clone(), it.cause.clone()));
    }
    let it = event.execution_failed_event_details()?;
    Some((it.error.clone(), it.cause.clone()))
}

/// What is JSON as it is, and what is not, or is too long to be whole, as a text.
pub(crate) fn document(text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Services tell moments as seconds with a fraction, which floating point has not quite.
pub(crate) fn millis(at: &DateTime) -> Millis {
    (at.as_secs_f64() * 1000.0).round() as Millis
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::types::builders::HistoryEventBuilder;
    use aws_sdk_sfn::types::{
        MapIterationEventDetails, StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails,
        TaskScheduledEventDetails, TaskSucceededEventDetails,
    };
    use serde_json::json;

    use super::*;

    fn event(kind: Type) -> HistoryEventBuilder {
        HistoryEvent::builder().r#type(kind)
    }

    fn entered(name: &str) -> HistoryEventBuilder {
        let details = StateEnteredEventDetails::builder().name(name).input(r#"{"in":1}"#).build().unwrap();
        event(Type::TaskStateEntered).state_entered_event_details(details)
    }

    fn exited(name: &str) -> HistoryEventBuilder {
        let details = StateExitedEventDetails::builder().name(name).output(r#"{"out":1}"#).build().unwrap();
        event(Type::TaskStateExited).state_exited_event_details(details)
    }

    fn scheduled() -> HistoryEventBuilder {
        let details = TaskScheduledEventDetails::builder().resource_type("lambda").resource("invoke").region("here");
        let details = details.parameters(r#"{"Payload":{}}"#).build().unwrap();
        event(Type::TaskScheduled).task_scheduled_event_details(details)
    }

    fn succeeded() -> HistoryEventBuilder {
        let details = TaskSucceededEventDetails::builder().resource_type("lambda").resource("invoke");
        event(Type::TaskSucceeded).task_succeeded_event_details(details.output("not JSON").build().unwrap())
    }

    fn failed(error: &str) -> HistoryEventBuilder {
        let details = TaskFailedEventDetails::builder().resource_type("lambda").resource("invoke").error(error);
        event(Type::TaskFailed).task_failed_event_details(details.cause("why").build().unwrap())
    }

    fn iteration(kind: Type) -> HistoryEventBuilder {
        let details = MapIterationEventDetails::builder().name("RunCycles").index(1).build();
        event(kind).map_iteration_started_event_details(details)
    }

    /// What is told of `events`, which are a second apart, the first one at 1 s.
    fn read(history: &mut History, events: Vec<HistoryEventBuilder>) -> Vec<State> {
        let numbered = events.into_iter().zip(history.newest() + 1..);
        let events: Vec<_> =
            numbered.map(|(event, id)| event.id(id).timestamp(DateTime::from_secs(id)).build().unwrap()).collect();
        history.read(&events).into_iter().map(|it| if let Record::State(it) = it { it } else { panic!() }).collect()
    }

    /// What the tests have in common.
    fn state(name: &str, id: u32, outcome: Outcome) -> State {
        let at = Millis::from(id) * 1000;
        State {
            id: format!("r/{id}"),
            run: "r".to_owned(),
            name: name.to_owned(),
            at,
            outcome,
            input: json!({"in": 1}),
            ..State::default()
        }
    }

    #[test]
    fn a_state_goes_on_until_it_is_left() {
        let mut history = History::of("r");
        let told = read(&mut history, vec![event(Type::ExecutionStarted), entered("A"), scheduled()]);
        let attempt = Attempt { at: 3000, input: json!({"Payload": {}}), ..Attempt::default() };
        let running = State { attempts: vec![attempt.clone()], ..state("A", 2, Outcome::Running) };
        assert_eq!(told, std::slice::from_ref(&running));
        let told = read(&mut history, vec![succeeded(), exited("A")]);
        let attempt = Attempt { until: Some(4000), output: json!("not JSON"), ..attempt };
        let (outcome, output) = (Outcome::Done, json!({"out": 1}));
        assert_eq!(told, [State { until: Some(5000), outcome, output, attempts: vec![attempt], ..running }]);
        assert_eq!(read(&mut history, vec![]), []);
    }

    #[test]
    fn an_attempt_that_failed_is_followed_by_another_and_the_state_is_done() {
        let mut history = History::of("r");
        let events = vec![entered("A"), scheduled(), failed("Throttled"), scheduled(), succeeded(), exited("A")];
        let told = read(&mut history, events);
        let errors: Vec<_> = told[0].attempts.iter().map(|attempt| attempt.error.as_deref()).collect();
        assert_eq!((told[0].outcome, &told[0].error, errors), (Outcome::Done, &None, vec![Some("Throttled"), None]));
    }

    #[test]
    fn an_error_that_another_state_deals_with_is_caught() {
        let mut history = History::of("r");
        let told = read(&mut history, vec![entered("A"), scheduled(), failed("Held"), exited("A"), entered("B")]);
        let (outcome, error) = (told[0].outcome, told[0].error.as_deref());
        assert_eq!((outcome, error, told[1].outcome), (Outcome::Caught, Some("Held"), Outcome::Running));
    }

    #[test]
    fn what_fails_inside_a_map_fails_the_map_and_states_there_have_their_cycle() {
        let mut history = History::of("r");
        let told = read(
            &mut history,
            vec![
                entered("RunCycles"),
                iteration(Type::MapIterationStarted),
                entered("Upload"),
                scheduled(),
                failed("DeadlinePassed"),
                event(Type::MapIterationFailed),
                event(Type::MapStateFailed),
                exited("RunCycles"),
                entered("NoteFailure"),
            ],
        );
        let seen: Vec<_> =
            told.iter().map(|it| (it.name.as_str(), it.cycle, it.outcome, it.error.as_deref())).collect();
        assert_eq!(
            seen,
            [
                ("Upload", Some(2), Outcome::Failed, Some("DeadlinePassed")),
                ("RunCycles", None, Outcome::Caught, Some("DeadlinePassed")),
                ("NoteFailure", None, Outcome::Running, None),
            ]
        );
    }

    #[test]
    fn of_iterations_that_go_on_side_by_side_the_map_alone_is_told() {
        let mut history = History::without_iterations("r");
        let told = read(
            &mut history,
            vec![
                entered("CompareRows"),
                iteration(Type::MapIterationStarted),
                iteration(Type::MapIterationStarted),
                entered("AuditRows"),
                entered("AuditRows"),
                event(Type::MapIterationSucceeded),
                failed("Throttled"),
                exited("AuditRows"),
                event(Type::MapIterationSucceeded),
                event(Type::MapStateSucceeded),
                exited("CompareRows"),
                entered("ReportAudit"),
            ],
        );
        let seen: Vec<_> = told.iter().map(|it| (it.name.as_str(), it.cycle, it.outcome, &it.error)).collect();
        let (done, running) = (Outcome::Done, Outcome::Running);
        assert_eq!(seen, [("CompareRows", None, done, &None), ("ReportAudit", None, running, &None)]);
    }

    #[test]
    fn what_goes_on_when_the_execution_ends_ends_with_it() {
        let mut history = History::of("r");
        let told = read(&mut history, vec![entered("A"), event(Type::ExecutionAborted)]);
        assert_eq!(told, [State { until: Some(2000), ..state("A", 1, Outcome::Failed) }]);
    }
}
