//! Reads from an execution's history which of the story's states it is in.

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};

use crate::inner_state::state_of;

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    newest: i64,
    state: String,
    /// Within the Map: how many of its cycles have begun.
    cycle: Option<u32>,
}

impl History {
    /// Reads `events`, oldest first, and gives the tasks that were entered. One that is entered again and again, to
    /// look once more, is given the first time only.
    pub fn read(&mut self, events: &[HistoryEvent]) -> Vec<String> {
        let mut entered = Vec::new();
        let read_before = self.newest;
        for event in events.iter().filter(|event| event.id > read_before) {
            self.newest = event.id;
            if let Some(state) = self.state(event).filter(|state| *state != self.state) {
                self.state.clone_from(&state);
                entered.push(state);
            }
        }
        entered
    }

    fn state(&mut self, event: &HistoryEvent) -> Option<String> {
        match event.r#type {
            HistoryEventType::MapStateEntered => self.cycle = Some(0),
            HistoryEventType::MapStateExited => self.cycle = None,
            HistoryEventType::TaskStateEntered => return Some(event.state_entered_event_details()?.name.clone()),
            HistoryEventType::TaskSucceeded => return self.inner_state(event),
            _ => {}
        }
        None
    }

    /// The state of the Map that a task succeeded in. Each cycle begins with `AlignWindow`.
    fn inner_state(&mut self, event: &HistoryEvent) -> Option<String> {
        let cycle = self.cycle.as_mut()?;
        let state = state_of(event.task_succeeded_event_details()?.output()?)?;
        *cycle += u32::from(state == "AlignWindow");
        Some(format!("{state} (cycle {cycle})"))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime;
    use aws_sdk_sfn::types::builders::HistoryEventBuilder;
    use aws_sdk_sfn::types::{StateEnteredEventDetails, TaskSucceededEventDetails};

    use super::*;

    fn event(kind: HistoryEventType) -> HistoryEventBuilder {
        HistoryEvent::builder().r#type(kind).timestamp(DateTime::from_secs(0))
    }

    fn entered(name: &str) -> HistoryEventBuilder {
        let details = StateEnteredEventDetails::builder().name(name).build().unwrap();
        event(HistoryEventType::TaskStateEntered).state_entered_event_details(details)
    }

    fn answered(payload: &str) -> HistoryEventBuilder {
        let output = format!(r#"{{"StatusCode": 200, "Payload": {payload}}}"#);
        let details = TaskSucceededEventDetails::builder().resource_type("lambda").resource("invoke").output(output);
        event(HistoryEventType::TaskSucceeded).task_succeeded_event_details(details.build().unwrap())
    }

    fn numbered(events: Vec<HistoryEventBuilder>, first: i64) -> Vec<HistoryEvent> {
        events.into_iter().zip(first..).map(|(event, id)| event.id(id).build().unwrap()).collect()
    }

    #[test]
    fn looking_again_is_told_once_and_pauses_never() {
        let mut history = History::default();
        let events = vec![entered("PrepareRun"), event(HistoryEventType::WaitStateEntered), entered("PrepareRun")];
        assert_eq!(history.read(&numbered(events, 1)), ["PrepareRun"]);
        let events = vec![entered("PrepareRun"), entered("CallPlotApi")];
        assert_eq!(history.read(&numbered(events, 4)), ["CallPlotApi"]);
    }

    #[test]
    fn states_in_the_map_are_told_with_their_cycle() {
        let mut history = History::default();
        let window = r#"{"opens_at": "2026-08-01T10:00:00Z", "after_event_key": ""}"#;
        let events = vec![
            event(HistoryEventType::MapStateEntered),
            answered(window),
            answered(r#"{"done": false, "uploaded": []}"#),
            answered(r#"{"done": true, "uploaded": []}"#),
            answered(window),
            event(HistoryEventType::MapStateExited),
            entered("CallPlotApi"),
        ];
        let expected = ["AlignWindow (cycle 1)", "Upload (cycle 1)", "AlignWindow (cycle 2)", "CallPlotApi"];
        assert_eq!(history.read(&numbered(events, 1)), expected);
    }

    #[test]
    fn events_that_were_read_before_count_once() {
        let mut history = History::default();
        let events = numbered(vec![entered("PrepareRun"), entered("CallPlotApi")], 1);
        assert_eq!(history.read(&events).len(), 2);
        assert_eq!(history.read(&events), Vec::<String>::new());
    }
}
