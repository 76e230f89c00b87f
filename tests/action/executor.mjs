// Runs a workflow, or an action alone, as a runner would: GitHub's own parser reads the files, GitHub's own engine
// evaluates the expressions, real shells run the steps. What to run comes as JSON on standard input, what became of it
// goes as JSON to standard output.
import { parseWorkflow, NoOperationTraceWriter } from "@actions/workflow-parser";
import { parseAction } from "@actions/workflow-parser/actions/index";
import { Lexer, Parser, Evaluator, data } from "@actions/expressions";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const LARGEST_SUMMARY = 1048576;
const STATUS = /\b(always|success|failure|cancelled)\s*\(/;

function toData(value) {
  if (value === null || value === undefined) return new data.Null();
  if (typeof value === "string") return new data.StringData(value);
  if (typeof value === "number") return new data.NumberData(value);
  if (typeof value === "boolean") return new data.BooleanData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(toData));
  return new data.Dictionary(...Object.entries(value).map(([key, item]) => ({ key, value: toData(item) })));
}

function evaluate(expression, contexts, status) {
  const functions = ["success", "failure", "always", "cancelled"].map((name) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData({ success: status === "success", failure: status === "failure", always: true, cancelled: false }[name]),
  }));
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), functions).parse();
  return new Evaluator(tree, toData(contexts), new Map(functions.map((each) => [each.name, each]))).evaluate();
}

// A token of GitHub's parser as a plain value, its expressions evaluated.
function plain(token, contexts) {
  if (token === undefined || token === null) return undefined;
  if (token.expression !== undefined) {
    const found = evaluate(token.expression, contexts, contexts.job?.status ?? "success");
    return found.primitive !== undefined && !found.primitive ? found.coerceString() : found.coerceString();
  }
  if (token.count !== undefined && token.get) {
    const items = [...Array(token.count).keys()].map((i) => token.get(i));
    if (items.length && items[0].key !== undefined) {
      return Object.fromEntries(items.map((pair) => [pair.key.toString(), plain(pair.value, contexts)]));
    }
    return items.map((item) => plain(item, contexts));
  }
  return token.value;
}

function field(mapping, name) {
  for (let i = 0; i < (mapping?.count ?? 0); i++) {
    const pair = mapping.get(i);
    if (pair.key?.toString() === name) return pair.value;
  }
  return undefined;
}

function entries(mapping) {
  return [...Array(mapping?.count ?? 0).keys()].map((i) => [mapping.get(i).key.toString(), mapping.get(i).value]);
}

function items(sequence) {
  return [...Array(sequence?.count ?? 0).keys()].map((i) => sequence.get(i));
}

function wanted(token, contexts, status) {
  const condition = token === undefined ? "success()" : token.expression ?? String(token.value);
  const text = STATUS.test(condition) ? condition : `success() && (${condition})`;
  return evaluate(text, contexts, status).coerceString() !== "false" && !["", "0", "NaN"].includes(evaluate(text, contexts, status).coerceString());
}

function parsed(file, parse) {
  const result = parse({ name: path.basename(file), content: fs.readFileSync(file, "utf8") }, new NoOperationTraceWriter());
  const errors = result.context.errors.getErrors();
  if (errors.length || !result.value) throw new Error(`${file}: ${errors.map((each) => each.message).join("; ")}`);
  return result.value;
}

// NAME=VALUE and NAME<<END blocks of a command file.
function readCommands(file) {
  const found = {};
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split(/\r?\n/) : [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (!line) continue;
    const equals = line.indexOf("=");
    const heredoc = line.indexOf("<<");
    if (heredoc >= 0 && (equals < 0 || heredoc < equals)) {
      const end = line.slice(heredoc + 2);
      const start = ++i;
      while (i < lines.length && lines[i] !== end) i++;
      if (i >= lines.length) throw new Error(`Matching delimiter not found '${end}'`);
      found[line.slice(0, heredoc)] = lines.slice(start, i).join("\n");
    } else if (equals >= 0) found[line.slice(0, equals)] = line.slice(equals + 1);
    else throw new Error(`Invalid format '${line}'`);
  }
  return found;
}

let files = 0;
class Job {
  constructor(id, contexts) {
    this.id = id;
    this.contexts = { ...contexts, steps: {}, job: { status: "success" }, env: { ...(contexts.env ?? {}) } };
    this.log = [];
    this.summary = "";
    this.annotations = [];
    this.workspace = path.join(asked.temp, "work", id);
    this.runnerTemp = asked.runner_temp;
    fs.mkdirSync(this.workspace, { recursive: true });
    fs.mkdirSync(this.runnerTemp, { recursive: true });
    this.path = [];
  }

  steps(list, extra, scope) {
    const steps = {};
    const outer = this.contexts;
    let status = "success";
    for (const [place, step] of list.entries()) {
      const contexts = { ...outer, ...extra, steps, job: { status }, github: { ...outer.github, ...(scope.github ?? {}) } };
      const id = plain(field(step, "id"), contexts) ?? `__${place}`;
      if (!wanted(field(step, "if"), contexts, status)) {
        steps[id] = { outcome: "skipped", conclusion: "skipped", outputs: {} };
        continue;
      }
      let env = { ...contexts.env };
      for (const [name, token] of entries(field(step, "env"))) env[name] = plain(token, { ...contexts, env });
      const done = field(step, "uses") ? this.uses(step, contexts, env) : this.run(step, contexts, env, scope);
      const forgiven = plain(field(step, "continue-on-error"), contexts);
      const failed = done.outcome === "failure";
      steps[id] = { outcome: done.outcome, conclusion: failed && String(forgiven) === "true" ? "success" : done.outcome, outputs: done.outputs };
      if (failed && String(forgiven) !== "true") status = "failure";
    }
    return { status, steps };
  }

  run(step, contexts, env, scope) {
    const shell = plain(field(step, "shell"), contexts) ?? (scope.composite ? undefined : "bash");
    if (shell !== "bash") throw new Error("Required property is missing: shell");
    const script = path.join(asked.temp, `step-${++files}.sh`);
    fs.writeFileSync(script, plain(field(step, "run"), contexts));
    const named = Object.fromEntries(["output", "env", "path", "state", "step_summary"].map((kind) => [kind, path.join(asked.temp, `${kind}-${files}`)]));
    for (const file of Object.values(named)) fs.writeFileSync(file, "");
    const variables = {
      PATH: [...this.path, asked.path].join(":"), HOME: asked.home, LANG: "C.UTF-8", CI: "true", GITHUB_ACTIONS: "true",
      ...asked.environ, ...githubVariables(contexts.github),
      GITHUB_WORKSPACE: this.workspace, RUNNER_TEMP: this.runnerTemp, RUNNER_OS: "Linux", RUNNER_ARCH: "X64",
      ...(scope.actionPath ? { GITHUB_ACTION_PATH: scope.actionPath } : {}),
      ...env,
      ...Object.fromEntries(Object.entries(named).map(([kind, file]) => [`GITHUB_${kind.toUpperCase()}`, file])),
    };
    const directory = path.resolve(this.workspace, plain(field(step, "working-directory"), contexts) ?? ".");
    const done = spawnSync("bash", ["--noprofile", "--norc", "-e", "-o", "pipefail", script], { cwd: directory, env: variables, encoding: "utf8", maxBuffer: 2 ** 28 });
    this.log.push(done.stdout + done.stderr);
    this.annotations.push(...(done.stdout + done.stderr).split("\n").filter((line) => /^::(error|warning|notice)[ :]/.test(line)));
    let outcome = done.status === 0 ? "success" : "failure";
    const summary = fs.readFileSync(named.step_summary);
    if (summary.length > LARGEST_SUMMARY) this.annotations.push("::error::the summary is too large");
    else this.summary += summary.toString();
    for (const kind of ["env", "path"]) if (fs.readFileSync(named[kind], "utf8")) throw new Error(`a step wrote to GITHUB_${kind.toUpperCase()}`);
    let outputs = {};
    try {
      outputs = readCommands(named.output);
    } catch (error) {
      outcome = "failure";
      this.log.push(String(error));
    }
    return { outcome, outputs, status: done.status };
  }

  uses(step, contexts, env) {
    const name = plain(field(step, "uses"), contexts).split("@")[0];
    const given = Object.fromEntries(entries(field(step, "with")).map(([key, token]) => [key.toLowerCase(), String(plain(token, contexts) ?? "")]));
    if (name === asked.action || ["./", "$/"].includes(name)) return this.composite(asked.root, given, contexts, env);
    const handler = {
      "actions/checkout": checkout, "actions/setup-python": setup, "actions/upload-artifact": upload, "actions/download-artifact": download,
      "actions/upload-pages-artifact": uploadPages, "actions/deploy-pages": deployPages,
    }[name];
    if (!handler) throw new Error(`nothing here stands for ${name}`);
    try {
      return { outcome: "success", outputs: handler(this, given, contexts) ?? {} };
    } catch (error) {
      this.log.push(`${name}: ${error.message}`);
      return { outcome: "failure", outputs: {} };
    }
  }

  composite(root, given, contexts, env) {
    const action = parsed(path.join(root, "action.yml"), parseAction);
    const inputs = {};
    for (const [name, definition] of entries(field(action, "inputs"))) {
      inputs[name] = given[name.toLowerCase()] ?? String(plain(field(definition, "default"), { github: contexts.github }) ?? "");
    }
    const runs = field(action, "runs");
    const scope = { composite: true, actionPath: root, github: { action_path: root } };
    const done = this.nested(items(field(runs, "steps")), { inputs, env }, scope);
    const outputs = {};
    for (const [name, definition] of entries(field(action, "outputs"))) {
      outputs[name] = String(plain(field(definition, "value"), { ...contexts, inputs, steps: done.steps }) ?? "");
    }
    return { outcome: done.status, outputs };
  }

  nested(list, extra, scope) {
    return this.steps(list, extra, scope);
  }
}

function githubVariables(github) {
  const event = path.join(asked.temp, "event.json");
  fs.writeFileSync(event, JSON.stringify(github.event));
  return {
    GITHUB_EVENT_PATH: event, GITHUB_EVENT_NAME: github.event_name, GITHUB_REPOSITORY: github.repository, GITHUB_SHA: github.sha,
    GITHUB_REF: github.ref, GITHUB_API_URL: github.api_url, GITHUB_SERVER_URL: github.server_url, GITHUB_RUN_ID: github.run_id,
    GITHUB_RUN_NUMBER: github.run_number, GITHUB_RUN_ATTEMPT: "1", GITHUB_JOB: github.job ?? "",
  };
}

function git(job, ...args) {
  const done = spawnSync("git", args, { cwd: job.workspace, encoding: "utf8", env: { PATH: asked.path, HOME: asked.home, ...asked.environ } });
  if (done.status !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr}`);
}

function checkout(job, given, contexts) {
  const depth = given["fetch-depth"] ?? "1";
  const ref = given.ref || contexts.github.sha;
  git(job, "init", "--quiet", "--initial-branch=main", ".");
  git(job, "remote", "add", "origin", `${contexts.github.server_url}/${contexts.github.repository}`);
  const all = depth === "0" ? ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"] : [`--depth=${depth}`];
  git(job, "fetch", "--quiet", "--no-tags", ...all.filter((each) => each.startsWith("--")), "origin", ...all.filter((each) => !each.startsWith("--")), ref);
  git(job, "checkout", "--quiet", "--detach", ref);
}

function setup(job) {
  job.path.unshift(asked.python);
}

function upload(job, given) {
  const name = given.name ?? "artifact";
  const place = path.join(asked.store, name);
  if (fs.existsSync(place) && given.overwrite !== "true") throw new Error(`an artifact named ${name} exists`);
  const found = given.path.split("\n").map((each) => path.resolve(job.workspace, each.trim())).filter((each) => fs.existsSync(each));
  if (!found.length) {
    if (given["if-no-files-found"] === "error") throw new Error(`No files were found with the provided path: ${given.path}`);
    return;
  }
  fs.rmSync(place, { recursive: true, force: true });
  for (const each of found) fs.cpSync(each, fs.statSync(each).isDirectory() ? place : path.join(place, path.basename(each)), { recursive: true });
}

function uploadPages(job, given) {
  upload(job, { name: "github-pages", path: given.path ?? "_site/", "if-no-files-found": "error" });
}

function deployPages() {
  if (!fs.existsSync(path.join(asked.store, "github-pages"))) throw new Error("No artifacts named \"github-pages\" were found");
  return { page_url: "https://octo.github.io/lib/" };
}

function download(job, given) {
  const to = path.resolve(job.workspace, given.path ?? ".");
  const names = given.name ? [given.name] : fs.readdirSync(asked.store).filter((name) => new RegExp(`^${(given.pattern ?? "*").replaceAll("*", ".*")}$`).test(name));
  for (const name of names) {
    const flat = given.name || given["merge-multiple"] === "true";
    fs.cpSync(path.join(asked.store, name), flat ? to : path.join(to, name), { recursive: true });
  }
}

function triggered(on, github) {
  const name = github.event_name;
  if (on.value !== undefined) return on.value === name;
  const keys = on.get(0)?.key ? entries(on) : items(on).map((each) => [each.value, undefined]);
  const found = keys.find(([key]) => key === name);
  if (!found) return false;
  const branches = field(found[1], "branches");
  const types = field(found[1], "types");
  const branch = name === "pull_request" ? github.event.pull_request.base.ref : github.ref.replace("refs/heads/", "");
  if (branches && name !== "workflow_run" && !items(branches).some((each) => each.value === branch)) return false;
  return !types || items(types).some((each) => each.value === github.event.action);
}

function* combinations(matrix) {
  const axes = entries(matrix).map(([name, values]) => items(values).map((each) => [name, each.value]));
  let found = [[]];
  for (const axis of axes) found = found.flatMap((before) => axis.map((each) => [...before, each]));
  for (const each of found) yield Object.fromEntries(each);
}

function main() {
  const github = asked.github;
  if (!asked.workflow) {
    const job = new Job("action", { github, env: {}, runner: { temp: asked.temp, os: "Linux" } });
    const done = job.composite(asked.root, asked.with ?? {}, job.contexts, {});
    return { jobs: { action: report(job, done.outcome, done.outputs) } };
  }
  const workflow = parsed(asked.workflow, parseWorkflow);
  if (!triggered(field(workflow, "on"), github)) return { jobs: {}, triggered: false };
  const results = {};
  const left = entries(field(workflow, "jobs"));
  while (left.length) {
    const place = left.findIndex(([, job]) => needs(job).every((each) => each in results));
    const [id, definition] = left.splice(place, 1)[0];
    const before = Object.fromEntries(needs(definition).map((each) => [each, { result: results[each].result, outputs: results[each].outputs }]));
    const status = Object.values(before).every((each) => each.result === "success") ? "success" : "failure";
    const contexts = { github: { ...github, job: id }, needs: before, env: {}, vars: asked.vars ?? {}, secrets: { GITHUB_TOKEN: github.token }, runner: { temp: asked.temp, os: "Linux" }, strategy: {}, matrix: {} };
    if (!wanted(field(definition, "if"), contexts, status)) {
      results[id] = { result: "skipped", outputs: {}, log: "", summary: "", annotations: [], steps: {} };
      continue;
    }
    const matrix = field(field(definition, "strategy"), "matrix");
    const parts = [];
    for (const each of matrix ? combinations(matrix) : [{}]) {
      const job = new Job(matrix ? `${id}-${Object.values(each).join("-")}` : id, { ...contexts, matrix: each });
      const done = job.steps(items(field(definition, "steps")), {}, {});
      parts.push({ ...report(job, done.status, {}), steps: done.steps, permissions: plain(field(definition, "permissions"), contexts) });
    }
    results[id] = parts.length === 1 ? parts[0] : { ...parts[0], result: parts.every((each) => each.result === "success") ? "success" : "failure", parts, log: parts.map((each) => each.log).join("\n") };
  }
  return { jobs: results, triggered: true };
}

function needs(job) {
  const found = field(job, "needs");
  return found === undefined ? [] : found.value !== undefined ? [found.value] : items(found).map((each) => each.value);
}

function report(job, result, outputs) {
  return { result, outputs, log: job.log.join("\n"), summary: job.summary, annotations: job.annotations, steps: {} };
}

if (asked.parse) {
  for (const file of asked.parse) parsed(file, file.endsWith("action.yml") ? parseAction : parseWorkflow);
  console.log(JSON.stringify({ parsed: asked.parse.length }));
} else console.log(JSON.stringify(main()));
