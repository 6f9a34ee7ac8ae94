// A second interpreter of the state machines: what Amazon States Language documents of the states that the definitions use,
// around JSONata's reference implementation. It waits for nothing, and its table and its bucket are objects.
//
// usage: node interpreter.mjs MODULES < INPUT > OUTPUT
// MODULES is the folder of node_modules. INPUT is { "<name>": { definition, input, mocks, holder, lock, objects } }: holder is
// the lock's attribute that names its execution, and objects is how many there are in the bucket, or null if there is no
// bucket. OUTPUT is { "<name>": { ending, held_by, trace, requests, start, stop } }.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const jsonata = createRequire(`${process.argv[2]}/`)("jsonata");

/** An error that Retry and Catch see. */
class StateError extends Error {
  constructor(error, cause) {
    super(`${error}: ${cause}`);
    this.output = { Error: error, Cause: cause };
  }
}

/** What DynamoDB makes of the conditions that the definitions have. */
const CONDITIONS = {
  "attribute_not_exists(object_name) OR expires_at < :now OR ID = :ID": (row, values, id) =>
    !row || Number(row.expires_at.N) < Number(values[":now"].N) || row[id].S === values[`:${id}`].S,
  "ID = :ID": (row, values, id) => row?.[id].S === values[`:${id}`].S,
};

class Execution {
  constructor(name, { definition, input, mocks, holder, lock, objects }) {
    this.name = name;
    this.definition = definition;
    this.mocks = mocks;
    this.attempts = {};
    this.holder = holder;
    this.row = lock && { [holder]: { S: lock.held_by }, expires_at: { N: String(lock.expires_at) } };
    this.objects = objects;
    this.trace = [];
    this.requests = [];
    this.context = {
      Execution: { Id: `arn:aws:states:us-east-1:000000000000:execution:${name}:${name}`, Name: name, Input: input },
      StateMachine: { Id: `arn:aws:states:us-east-1:000000000000:stateMachine:${name}`, Name: name },
    };
  }

  async run() {
    const start = Date.now();
    this.context.Execution.StartTime = new Date(start).toISOString();
    let ending;
    try {
      const output = await this.machine(this.definition, this.context.Execution.Input, {});
      ending = { status: "SUCCEEDED", output };
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      ending = { status: "FAILED", error: error.output.Error, cause: error.output.Cause };
    }
    const { trace, requests } = this;
    return { ending, held_by: this.row?.[this.holder].S ?? null, trace, requests, start, stop: Date.now() };
  }

  /** The output of the machine, or of one iteration of a Map. */
  async machine({ StartAt, States }, input, variables) {
    for (let name = StartAt; ; ) {
      const state = States[name];
      this.trace.push(name);
      const scope = { name, input, variables };
      const { output, next } = await this.caught(state, scope);
      if (output === undefined) throw new Error(`${name} puts nothing out`);
      if (next === undefined) return output;
      [name, input] = [next, output];
    }
  }

  async caught(state, scope) {
    try {
      return await this.state(state, scope);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      if (state.Type === "Task" || state.ItemReader) this.trace.push(`${scope.name} fails with ${error.output.Error}`);
      const catcher = (state.Catch ?? []).find(({ ErrorEquals }) => matches(ErrorEquals, error));
      if (!catcher) throw error;
      return this.end(catcher, { ...scope, errorOutput: error.output }, error.output, catcher.Next);
    }
  }

  async state(state, scope) {
    switch (state.Type) {
      case "Pass":
        return this.end(state, scope, scope.input, state.Next);
      case "Succeed":
        return this.end(state, scope, scope.input);
      case "Fail":
        throw new StateError(await this.value(state.Error, scope), await this.value(state.Cause, scope));
      case "Wait": {
        const { Seconds, Timestamp } = state;
        const until = Timestamp ? Date.parse(await this.value(Timestamp, scope)) : await this.value(Seconds, scope);
        if (!Number.isInteger(until) || until < 0) throw wrong(`${scope.name} can't wait until ${until}`);
        return this.end(state, scope, scope.input, state.Next);
      }
      case "Choice":
        for (const rule of state.Choices) {
          const holds = await this.value(rule.Condition, scope);
          if (typeof holds !== "boolean") throw wrong(`${rule.Condition} is ${holds}`);
          if (holds) return this.end(rule, scope, scope.input, rule.Next);
        }
        return this.end({}, scope, scope.input, state.Default);
      case "Task": {
        const result = await this.retried(state, scope);
        return this.end(state, { ...scope, result }, result, state.Next);
      }
      case "Map": {
        const result = [];
        const items = state.ItemReader ? await this.batches(state, scope) : await this.value(state.Items, scope);
        for (const [index, item] of items.entries()) {
          this.trace.push(`iteration ${index + 1}`);
          result.push(await this.iteration(state, item, scope));
        }
        return this.end(state, { ...scope, result }, result, state.Next);
      }
      default:
        throw new Error(`${scope.name} is a ${state.Type}, which this interpreter doesn't know`);
    }
  }

  /** The output of one iteration. */
  async iteration({ ItemProcessor, ItemReader }, item, { variables }) {
    // It sees the variables outside, and assigns its own.
    if (!ItemReader) return this.machine(ItemProcessor, item, { ...variables });
    // In a Distributed Map it is an execution of its own.
    const { attempts, context } = this;
    this.attempts = {};
    this.context = { ...context, Execution: { ...context.Execution, Id: "a child", Name: "a child", Input: item } };
    try {
      return await this.machine(ItemProcessor, item, {});
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      throw new StateError(
        "States.ExceedToleratedFailureThreshold",
        "The specified tolerated failure threshold was exceeded",
      );
    } finally {
      this.attempts = attempts;
      this.context = context;
    }
  }

  /** What the iterations of a Distributed Map over a bucket get. */
  async batches({ ItemReader, ItemBatcher }, scope) {
    const { Bucket } = await this.value(ItemReader.Arguments, scope);
    if (this.objects === null) {
      throw new StateError("States.ItemReaderFailed", `The specified bucket does not exist. (Bucket: ${Bucket})`);
    }
    const { MaxItemsPerBatch, BatchInput } = await this.value(ItemBatcher, scope);
    const items = Array.from({ length: this.objects }, (_, index) => ({
      Etag: '"9dd4e461268c8034f5c8564e155c67a6"',
      Key: `object-${String(index + 1).padStart(4, "0")}`,
      LastModified: Math.floor(Date.now() / 1000),
      Size: 1,
      StorageClass: "STANDARD",
    }));
    const batches = [];
    while (items.length > 0) batches.push({ BatchInput, Items: items.splice(0, MaxItemsPerBatch) });
    return batches;
  }

  /** Output and Assign, which both see the variables as they were. */
  async end({ Output, Assign }, scope, otherwise, next) {
    const output = Output === undefined ? otherwise : await this.value(Output, scope);
    const assigned = await this.value(Assign ?? {}, scope);
    Object.assign(scope.variables, assigned);
    return { output, next };
  }

  async retried(state, scope) {
    const retries = new Map();
    for (;;) {
      try {
        const request = await this.value(state.Arguments, scope);
        this.requests.push([scope.name, request]);
        return this.task(scope.name, state.Resource, request);
      } catch (error) {
        if (!(error instanceof StateError)) throw error;
        const retrier = (state.Retry ?? []).find(({ ErrorEquals }) => matches(ErrorEquals, error));
        const count = retries.get(retrier) ?? 0;
        if (!retrier || count >= retrier.MaxAttempts) throw error;
        retries.set(retrier, count + 1);
        this.trace.push(`${scope.name} is retried after ${error.output.Error}`);
      }
    }
  }

  /** What a mock answers; an attempt beyond the mocks is made at the table. */
  task(name, resource, request) {
    const attempt = this.attempts[name] ?? 0;
    this.attempts[name] = attempt + 1;
    const mock = this.mocks[name]?.[attempt];
    if (mock?.Throw) throw new StateError(mock.Throw.Error, mock.Throw.Cause);
    if (mock) return mock.Return;
    const { ConditionExpression, ExpressionAttributeValues } = request;
    const condition = CONDITIONS[ConditionExpression?.replaceAll(this.holder, "ID")];
    if (ConditionExpression && !condition(this.row, ExpressionAttributeValues, this.holder)) {
      throw new StateError("DynamoDB.ConditionalCheckFailedException", "The conditional request failed");
    }
    switch (resource) {
      case "arn:aws:states:::dynamodb:putItem":
        this.row = request.Item;
        return {};
      case "arn:aws:states:::dynamodb:updateItem": {
        if (request.UpdateExpression !== "SET failure = if_not_exists(failure, :failure)") throw new Error("what update?");
        this.row.failure ??= ExpressionAttributeValues[":failure"];
        return {};
      }
      case "arn:aws:states:::dynamodb:deleteItem":
        this.row = undefined;
        return {};
      case "arn:aws:states:::dynamodb:getItem":
        return this.row ? { Item: this.row } : {};
      default:
        throw new Error(`${name} has no mock for attempt ${attempt + 1}: ${JSON.stringify(request)}`);
    }
  }

  /** A field of a state, with each expression in it evaluated. */
  async value(field, scope) {
    if (Array.isArray(field)) return Promise.all(field.map((item) => this.value(item, scope)));
    if (field !== null && typeof field === "object") {
      const entries = Object.entries(field).map(async ([key, item]) => [key, await this.value(item, scope)]);
      return Object.fromEntries(await Promise.all(entries));
    }
    const expression = typeof field === "string" && /^\{%([^]*)%\}$/.exec(field)?.[1];
    return expression ? this.evaluate(expression, scope) : field;
  }

  async evaluate(text, { name, input, result, errorOutput, variables }) {
    let value;
    try {
      const expression = jsonata(text);
      expression.registerFunction("parse", (json) => JSON.parse(json), "<s:x>");
      const states = { input, result, errorOutput, context: { ...this.context, State: { Name: name } } };
      value = await expression.evaluate(undefined, { ...variables, states });
    } catch (error) {
      throw wrong(`${text}: ${error.message}`);
    }
    if (value === undefined) throw wrong(`${text} is undefined`);
    return JSON.parse(JSON.stringify(value));
  }
}

/** What an expression fails with. */
function wrong(cause) {
  return new StateError("States.QueryEvaluationError", cause);
}

function matches(names, error) {
  return names.includes(error.output.Error) || names.includes("States.ALL");
}

const cases = JSON.parse(readFileSync(0, "utf8"));
const outcomes = {};
for (const [name, it] of Object.entries(cases)) outcomes[name] = await new Execution(name, it).run();
process.stdout.write(JSON.stringify(outcomes));
