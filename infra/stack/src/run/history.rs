//! Reads from an execution's history which of the story's states it is in.

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    newest: i64,
    state: String,
    /// Within the Map: which of its cycles has begun.
    cycle: Option<i32>,
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
            HistoryEventType::MapIterationStarted => {
                self.cycle = Some(event.map_iteration_started_event_details()?.index + 1);
            }
            HistoryEventType::MapStateExited => self.cycle = None,
            HistoryEventType::TaskStateEntered => {
                let name = &event.state_entered_event_details()?.name;
                return Some(match self.cycle {
                    Some(cycle) => format!("{name} (cycle {cycle})"),
                    None => name.clone(),
                });
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime;
    use aws_sdk_sfn::types::builders::HistoryEventBuilder;
    use aws_sdk_sfn::types::{MapIterationEventDetails, StateEnteredEventDetails};

    use super::*;

    fn event(kind: HistoryEventType) -> HistoryEventBuilder {
        HistoryEvent::builder().r#type(kind).timestamp(DateTime::from_secs(0))
    }

    fn entered(name: &str) -> HistoryEventBuilder {
        let details = StateEnteredEventDetails::builder().name(name).build().unwrap();
        event(HistoryEventType::TaskStateEntered).state_entered_event_details(details)
    }

    fn iteration(index: i32) -> HistoryEventBuilder {
        let details = MapIterationEventDetails::builder().name("RunCycles").index(index).build();
        event(HistoryEventType::MapIterationStarted).map_iteration_started_event_details(details)
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
        let events = vec![
            iteration(0),
            entered("AlignWindow"),
            entered("Upload"),
            entered("Upload"),
            iteration(1),
            entered("AlignWindow"),
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
