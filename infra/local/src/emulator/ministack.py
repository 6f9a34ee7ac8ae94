"""Starts MiniStack, and gives it what AWS documents and MiniStack leaves out.

TLS: nothing here leaves the machine, so calls are made over HTTP; but policies with aws:SecureTransport see them as they
see those of AWS's own endpoints and services, as calls over TLS. A call with the header "X-Forwarded-Proto: http" shows
what they say to one without.

Permissions: what Step Functions and EventBridge Scheduler do, they do with the permissions of the role that they were given.
Whatever a role is allowed is told in the log, once: {"allowed": "s3:DeleteObject", "resource": "arn:...", "role": "..."}.
IAM learns that one event source mapping is got and not listed, which alarm DescribeAlarms is about, if it is asked in JSON,
as boto3 does, that the ARN of a rule of the default bus does not name the bus, and of a deletion's condition (s3:if-match).
Who looks at a function's reserved concurrency, or lifts it, needs no permission to set it.

EventBridge: a rule publishes to a topic only if the topic's policy lets it without a condition, as none can be used there. What S3 tells of a deletion has no size and no ETag, and
what it tells of a version has its id.

S3: CopyObject heeds the condition that nothing, or just this object, is where it copies to.

CloudFormation: saved queries (AWS::Logs::QueryDefinition) are taken, and kept nowhere. A bucket's lifecycle rules are kept,
so that they can be read; nobody carries them out. Versioning that the template does not mention any more is suspended.
The alarms on the total get a period of
LOCAL_ALARM_PERIOD_SECONDS, whatever the template says: who waits for it on a laptop should not wait for whole minutes.

SQS: the messages of a dead-letter queue can be moved (StartMessageMoveTask). All of them have been when the call is
answered. Without a destination each goes back to the queue that gave it up; of one that was sent there directly SQS does not
know where it came from.

Lambda: of functions that share a log group, the streams are named as AWS names them, after the function. The runtime API sends
at once (TCP_NODELAY): an event would wait 40 ms for the function's machine to acknowledge the header before it.

Step Functions: the history of an execution has the iterations and the states inside a Map too, and the arguments of each
task. After an iteration that failed no other one begins. A Distributed Map over a bucket's listing makes batches, evaluates
JSONata, gives its children histories of their own and no variables of the parent's, and says in the parent's history why it
failed. A mocked response (SFN_MOCK_CONFIG) answers one attempt at a task, so that retries can be mocked, and the attempt's
arguments are still built.
"""

import json
import os
import socketserver
import time
import uuid
from contextvars import ContextVar
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, eventbridge, lambda_svc, s3, sns, sqs, stepfunctions
from ministack.services.cloudformation import provisioners

ALARM_PERIOD = os.environ.get("LOCAL_ALARM_PERIOD_SECONDS")
SCHEME = b"x-forwarded-proto"
TARGETS = {"lambda": "lambda:InvokeFunction", "states": "states:StartExecution"}

VERSION = ContextVar("the version of the object whose event S3 is telling", default=None)
WRITER = ContextVar("the function whose log is being written, if it shares a log group", default=None)
TASK = ContextVar("the execution and the context of the task that is being executed", default=None)

serve = app.app
evaluate = iam_evaluator.evaluate
invoke_target = eventbridge._invoke_target
dispatch_event = eventbridge._dispatch_event
fire_s3_event = s3._fire_s3_event
told = set()
add_event = stepfunctions._add_event
execute_task = stepfunctions._execute_task
run_distributed_map = stepfunctions._run_distributed_map
invoke_resource = stepfunctions._invoke_resource
mocked_response = stepfunctions._get_mock_response
parameter = iam_actions._param
lambda_action = iam_actions._lambda_action
extract_resource_arn = iam_actions.extract_resource_arn
s3_service_context = iam_actions.s3_service_context
run_sub_machine = stepfunctions._run_sub_machine
fail_state_error = stepfunctions._fail_state_error
emit_lambda_logs = lambda_svc._emit_lambda_logs
append_log_events = cloudwatch_logs._append_log_events
alarm_record = provisioners._cw_metric_alarm_record
copy_object = s3._copy_object


async def serve_as_over_tls(scope, receive, send):
    headers = scope.get("headers", [])
    if SCHEME not in (name for name, _ in headers):
        scope = {**scope, "headers": [*headers, (SCHEME, b"https")]}
    await serve(scope, receive, send)


def evaluate_and_tell(context, policies, *limits):
    result = evaluate(context, policies, *limits)
    if result.decision == "Allow" and context.principal_type == "AssumedRole":
        role = context.principal_arn.split("/")[1]
        allowed = (context.action, context.resource_arn, role)
        if allowed not in told:
            told.add(allowed)
            print(json.dumps(dict(zip(("allowed", "resource", "role"), allowed))), flush=True)
    return result


def may(role_arn, action, resource, **keys):
    """Whether a service that has been given the role may do this."""
    if not app.AUTH:
        return True
    account, role = get_account_id(), role_arn.rsplit("/", 1)[1]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=keys,
    )
    policies = iam_evaluator._gather_role_policies(role, account)
    return iam_evaluator.evaluate(context, policies).decision == "Allow"


def invoke_permitted_target(target, event, rule, *view):
    service = target["Arn"].split(":")[2]
    action = TARGETS.get(service)
    if action and "RoleArn" in target and not may(target["RoleArn"], action, target["Arn"]):
        raise PermissionError(f"{target['RoleArn']} is not allowed {action} on {target['Arn']}")
    if service == "sns" and not sns.topic_policy_allows(target["Arn"], "events.amazonaws.com", "", ""):
        print(f"{rule['Arn']} is not allowed to publish to {target['Arn']}", flush=True)
        return None
    return invoke_target(target, event, rule, *view)


def fire_s3_event_of_version(*arguments, version_id=None, **others):
    VERSION.set(version_id)
    fire_s3_event(*arguments, version_id=version_id, **others)


def dispatch_event_as_s3_tells_it(event, *view):
    if event["Source"] == "aws.s3":
        detail = json.loads(event["Detail"])
        if event["DetailType"] == "Object Deleted":
            detail["object"] = {name: detail["object"][name] for name in ("key", "sequencer")}
        if VERSION.get():
            detail["object"]["version-id"] = VERSION.get()
        event = {**event, "Detail": json.dumps(detail)}
    dispatch_event(event, *view)


def may_execute(machine, resource, arguments):
    role = stepfunctions._state_machines[machine]["roleArn"]
    service, operation = resource.split(":")[-2:]
    if service == "lambda":
        return may(role, "lambda:InvokeFunction", arguments["FunctionName"])
    if service == "sfn":
        return may(role, "states:DescribeExecution", arguments["ExecutionArn"])
    table = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{arguments['TableName']}"
    key = arguments.get("Key", arguments.get("Item"))["object_name"]["S"]
    return may(role, f"dynamodb:{operation[0].upper()}{operation[1:]}", table, **{"dynamodb:leadingkeys": [key]})


def with_events_inside_a_map(kind, execute):
    def run(definition, given, *rest):
        context = rest[-1]
        if "Map" not in context:
            return execute(definition, given, *rest)
        enter(kind, given, context)
        execution, name = stepfunctions._executions[context["Execution"]["Id"]], context["State"]["Name"]
        output, following = execute(definition, given, *rest)
        details = {"name": name, "output": json.dumps(output)}
        add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": details})
        return output, following

    return run


def enter(kind, given, context):
    execution = stepfunctions._executions[context["Execution"]["Id"]]
    details = {"name": context["State"]["Name"], "input": json.dumps(given)}
    add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": details})


def fail_state_error_inside_a_map(definition, given, context):
    if "Map" in context:
        enter("Fail", given, context)
    return fail_state_error(definition, given, context)


def run_iteration(states, start_at, given, execution, context):
    if "mapRunArn" in execution:  # A child of a Distributed Map, which doesn't see its parent's variables.
        own = {"Id": execution["executionArn"], "Name": execution["name"]}
        context = {**context, "Execution": {**context["Execution"], **own}, "variables": {}}
        return run_sub_machine(states, start_at, given, execution, context)
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


def listed(bucket, role):
    if not may(role, "s3:ListBucket", f"arn:aws:s3:::{bucket}"):
        raise stepfunctions._ExecutionError("States.ItemReaderFailed", "the machine's role does not allow s3:ListBucket")
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": bucket}}
    while True:
        try:
            return stepfunctions._read_map_items(reader, {}, {})
        except (RuntimeError, KeyError):  # The bucket changed while it was listed.
            continue


def batches(items, batcher):
    """Batches of this many items at most, none longer than an execution's input may be."""
    most, batch_input, longest = batcher["MaxItemsPerBatch"], batcher.get("BatchInput"), 262144
    given = {} if batch_input is None else {"BatchInput": batch_input}
    batch, size = [], 0
    for item in items:
        length = len(json.dumps(item, ensure_ascii=False).encode()) + 1
        if batch and (len(batch) == most or size + length > longest - len(json.dumps(given)) - 100):
            yield {**given, "Items": batch}
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield {**given, "Items": batch}


def run_map_over_listing(definition, raw, effective, iterator, execution, context):
    try:
        results, following = run_batches(definition, raw, iterator, execution, context)
    except stepfunctions._ExecutionError as error:
        add_event(execution, "MapRunFailed", {"mapRunFailedEventDetails": {"error": error.error, "cause": error.cause}})
        raise
    return stepfunctions._apply_jsonata_output(definition, raw, context, result=results, default=results), following


def run_batches(definition, raw, iterator, execution, context):
    def evaluate(value):
        return stepfunctions._apply_jsonata_template(value, raw, context)

    machine = stepfunctions._state_machines[execution["stateMachineArn"]]
    if not may(machine["roleArn"], "states:StartExecution", machine["stateMachineArn"]):
        raise stepfunctions._ExecutionError("States.Permissions", "the machine's role does not allow states:StartExecution")
    items = listed(evaluate(definition["ItemReader"]["Arguments"])["Bucket"], machine["roleArn"])
    given = list(batches(items, evaluate(definition["ItemBatcher"])))
    plain = {"Type": "Map", "Label": definition["Label"], "MaxConcurrency": definition["MaxConcurrency"], "Next": definition["Next"]}
    return run_distributed_map(plain, given, given, iterator, execution, context)


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
        if not may_execute(context["StateMachine"]["Id"], resource, arguments):
            raise stepfunctions._ExecutionError("States.Permissions", f"the machine's role does not allow {resource}")
        return invoke_resource(resource, arguments)
    if "Throw" in response:
        raise stepfunctions._ExecutionError(response["Throw"]["Error"], response["Throw"].get("Cause", ""))
    return response["Return"]


def parameter_or_only_alarm(body, query_params, *fields):
    names = iam_actions._safe_json_field(body, "AlarmNames") if fields == ("AlarmName",) else []
    return names[0] if len(names) == 1 else parameter(body, query_params, *fields)


def lambda_action_by_method(method, path):
    action = lambda_action(method, path)
    if action == "ListEventSourceMappings" and not path.rstrip("/").endswith("event-source-mappings"):
        return "GetEventSourceMapping"
    if action != "PutFunctionConcurrency":
        return action
    return {"GET": "GetFunctionConcurrency", "DELETE": "DeleteFunctionConcurrency"}.get(method, action)


def resource_arn_of_rule(service, *request):
    arn = extract_resource_arn(service, *request)
    return arn.replace(":rule/default/", ":rule/") if service == "events" else arn


def s3_service_context_with_condition(action, query_params, path="", headers=None):
    context = s3_service_context(action, query_params, path, headers)
    condition = (headers or {}).get("if-match") if action == "s3:DeleteObject" else None
    return {**context, **({"s3:if-match": condition} if condition else {})}


def alarm_record_with_short_period(name, properties):
    record = alarm_record(name, properties)
    invokes = any(action.split(":")[2] == "lambda" for action in record["AlarmActions"])
    if ALARM_PERIOD and (invokes or record["MetricName"] == "FillPercent"):
        record["Period"] = int(ALARM_PERIOD)
    return record


def emit_logs_of_function(function, *rest, **others):
    config = function.get("config") or function
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    token = WRITER.set((group, config["FunctionName"]) if group else None)
    try:
        emit_lambda_logs(function, *rest, **others)
    finally:
        WRITER.reset(token)


def append_under_name_of_function(stream, events):
    if WRITER.get():  # The stream was made just now, and nobody has seen it.
        group, function = WRITER.get()
        streams = cloudwatch_logs._log_groups[group]["streams"]
        name = next(name for name in reversed(list(streams)) if streams[name] is stream)
        day, _, rest = name.rpartition("/")
        streams[f"{day}/{function}{rest}"] = streams.pop(name)
    append_log_events(stream, events)


def redrive_policy(queue):
    return json.loads(queue["attributes"].get("RedrivePolicy") or "{}")


def start_message_move_task(data, _):
    source = sqs._queue_by_arn(data["SourceArn"])
    if source is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
    if all(redrive_policy(queue).get("deadLetterTargetArn") != data["SourceArn"] for queue in sqs._queues.values()):
        raise sqs._Err("AWS.SimpleQueueService.UnsupportedOperation", "Source queue must be configured as a Dead Letter Queue.")
    now = time.time()
    for message in [message for message in source["messages"] if message["visible_at"] <= now]:
        arn = data.get("DestinationArn") or message["sys"].get("DeadLetterQueueSourceArn")
        destination = sqs._queue_by_arn(arn) if arn else None
        if destination is None:  # AWS ends the task with CouldNotDetermineMessageSource.
            break
        source["messages"].remove(message)
        # It counts as a new message.
        sqs._act_send_message({"MessageBody": message["body"], "MessageAttributes": message["message_attributes"]}, destination["url"])
    return {"TaskHandle": str(uuid.uuid4())}


def lifecycle_xml(configuration):
    """CloudFormation's property as the body of PutBucketLifecycleConfiguration."""
    root = Element("LifecycleConfiguration", xmlns=s3.S3_NS)

    def put(parent, name, value):
        child = SubElement(parent, name)
        if isinstance(value, dict):
            for key, inner in value.items():
                put(child, key, inner)
        else:
            child.text = str(value)

    for rule in configuration["Rules"]:
        rule = {"ID": rule["Id"], "Filter": {"Prefix": ""}, **{key: rule[key] for key in rule if key != "Id"}}
        if "ExpiredObjectDeleteMarker" in rule:
            rule["Expiration"] = {"ExpiredObjectDeleteMarker": str(rule.pop("ExpiredObjectDeleteMarker")).lower()}
        put(root, "Rule", rule)
    return tostring(root)


def versioning_xml(configuration):
    root = Element("VersioningConfiguration", xmlns=s3.S3_NS)
    SubElement(root, "Status").text = configuration["Status"]
    return tostring(root)


def suspend_versioning(bucket):
    s3._put_bucket_versioning(bucket, versioning_xml({"Status": "Suspended"}))


def copy_object_on_condition(bucket_name, dest_key, headers):
    bucket = s3._ensure_bucket(bucket_name)
    refused = bucket and s3._check_put_preconditions(headers, bucket["objects"].get(dest_key))
    return refused or copy_object(bucket_name, dest_key, headers)


app.app = serve_as_over_tls
iam_evaluator._request_origin = ContextVar("the caller's address, and whether it uses TLS", default=("127.0.0.1", True))

iam_actions._param = parameter_or_only_alarm
iam_actions._lambda_action = lambda_action_by_method
iam_actions.extract_resource_arn = resource_arn_of_rule
iam_actions.s3_service_context = s3_service_context_with_condition
iam_evaluator.evaluate = evaluate_and_tell
eventbridge._invoke_target = invoke_permitted_target
eventbridge._dispatch_event = dispatch_event_as_s3_tells_it
s3._fire_s3_event = fire_s3_event_of_version
s3._copy_object = copy_object_on_condition
provisioners._cw_metric_alarm_record = alarm_record_with_short_period
provisioners._S3_BUCKET_CONFIGURATIONS += (
    ("LifecycleConfiguration", lifecycle_xml, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
    ("VersioningConfiguration", versioning_xml, s3._put_bucket_versioning, suspend_versioning),
)
provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
    "create": lambda logical_id, properties, stack: (f"{stack}-{logical_id}", {}),
    "delete": lambda physical_id, properties: None,
}

sqs._HANDLERS["StartMessageMoveTask"] = start_message_move_task
lambda_svc._emit_lambda_logs = emit_logs_of_function
socketserver.StreamRequestHandler.disable_nagle_algorithm = True
cloudwatch_logs._append_log_events = append_under_name_of_function

stepfunctions._execute_task = execute_task_of
stepfunctions._run_distributed_map = run_map_over_listing
for kind in ("Choice", "Pass", "Task", "Wait"):
    name = f"_execute_{kind.lower()}"
    setattr(stepfunctions, name, with_events_inside_a_map(kind, getattr(stepfunctions, name)))
stepfunctions._run_sub_machine = run_iteration
stepfunctions._fail_state_error = fail_state_error_inside_a_map
stepfunctions._invoke_resource = invoke_or_mock
stepfunctions._get_mock_response = lambda *_: None
app.main()
