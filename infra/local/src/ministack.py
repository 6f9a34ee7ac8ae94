"""Starts MiniStack, and gives its Step Functions what AWS documents and MiniStack leaves out.

The history of an execution has the iterations and the states inside a Map too, and the arguments of each task. After an
iteration that failed no other one begins. A mocked response (SFN_MOCK_CONFIG) answers one attempt at a task, so that
retries can be mocked, and the attempt's arguments are still built.

IAM learns which alarm DescribeAlarms is about, if it is asked in JSON, as boto3 does.
"""

import json
from contextvars import ContextVar

from ministack.app import main
from ministack.core import iam_actions
from ministack.services import stepfunctions

TASK = ContextVar("the execution and the context of the task that is being executed", default=None)

add_event = stepfunctions._add_event
execute_task = stepfunctions._execute_task
invoke_resource = stepfunctions._invoke_resource
mocked_response = stepfunctions._get_mock_response
parameter = iam_actions._param
run_sub_machine = stepfunctions._run_sub_machine


def with_events_inside_a_map(kind, execute):
    def run(definition, given, *rest):
        context = rest[-1]
        if "Map" not in context:
            return execute(definition, given, *rest)
        execution = stepfunctions._executions[context["Execution"]["Id"]]
        name = context["State"]["Name"]
        details = {"name": name, "input": json.dumps(given)}
        add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": details})
        output, following = execute(definition, given, *rest)
        details = {"name": name, "output": json.dumps(output)}
        add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": details})
        return output, following

    return run


def run_iteration(states, start_at, given, execution, context):
    details = {"name": context["State"]["Name"], "index": context["Map"]["Item"]["Index"]}
    if details["index"] > 0 and execution["events"][-1]["type"] == "MapIterationFailed":
        raise stepfunctions._ExecutionError("States.Runtime", "an iteration before this one failed")
    add_event(execution, "MapIterationStarted", {"mapIterationStartedEventDetails": details})
    try:
        output = run_sub_machine(states, start_at, given, execution, context)
    except Exception:
        add_event(execution, "MapIterationFailed", {"mapIterationFailedEventDetails": details})
        raise
    add_event(execution, "MapIterationSucceeded", {"mapIterationSucceededEventDetails": details})
    return output


def execute_task_of(definition, given, execution, context):
    TASK.set((execution, context))
    return execute_task(definition, given, execution, context)


def invoke_or_mock(resource, arguments):
    if TASK.get() is None:  # TestState has no execution.
        return invoke_resource(resource, arguments)
    execution, context = TASK.get()
    scheduled = next(event for event in reversed(execution["events"]) if event["type"] == "TaskScheduled")
    scheduled["taskScheduledEventDetails"]["parameters"] = json.dumps(arguments)
    machine, state, attempts = context["StateMachine"]["Name"], context["State"]["Name"], execution["mockAttempts"]
    attempt = attempts.get(state, 0)
    attempts[state] = attempt + 1
    response = mocked_response(machine, execution["testCase"], state, attempt)
    if response is None:
        return invoke_resource(resource, arguments)
    if "Throw" in response:
        raise stepfunctions._ExecutionError(response["Throw"]["Error"], response["Throw"].get("Cause", ""))
    return response["Return"]


def parameter_or_only_alarm(body, query_params, *fields):
    names = iam_actions._safe_json_field(body, "AlarmNames") if fields == ("AlarmName",) else []
    return names[0] if len(names) == 1 else parameter(body, query_params, *fields)


iam_actions._param = parameter_or_only_alarm
stepfunctions._execute_task = execute_task_of
for kind in ("Choice", "Pass", "Task", "Wait"):
    name = f"_execute_{kind.lower()}"
    setattr(stepfunctions, name, with_events_inside_a_map(kind, getattr(stepfunctions, name)))
stepfunctions._run_sub_machine = run_iteration
stepfunctions._invoke_resource = invoke_or_mock
stepfunctions._get_mock_response = lambda *_: None
main()
