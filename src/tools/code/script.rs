//! JavaScript, in an engine that is the language and nothing else.
//!
//! There are no modules, no files, no network, no timers and no process: `QuickJS` has them in libraries of its own, which are not
//! built in. What the language itself knows of the time and of chance is taken away, so that the value depends on the code and its
//! input alone. What is captured here (the console, the value) goes through functions of the engine and not through objects that
//! the code can change.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::function::Rest;
use rquickjs::promise::PromiseState;
use rquickjs::{CatchResultExt as _, CaughtError, Coerced, Context, Ctx, Exception, Function, Object, Runtime, Value};

use super::exchange::{Failed, Outcome, Reply, Request, Why};

/// The language, without `performance`, `WeakRef` and `DOMException`.
type Language = (
    (intrinsic::Date, intrinsic::Eval, intrinsic::RegExpCompiler, intrinsic::RegExp, intrinsic::Json),
    (intrinsic::Proxy, intrinsic::MapSet, intrinsic::TypedArrays, intrinsic::Promise),
);

/// The deepest that calls nest, in bytes of the stack.
const STACK: usize = 1024 * 1024;
/// The name of the code in the engine's own messages.
const NAME: &str = "code";
/// The most lines of the console that are kept.
const MOST_LINES: usize = 1000;
/// The longest that they are together, in bytes.
const LONGEST_LOG: usize = 64 * 1024;

/// Takes away what does not depend on the code and its input.
const TIMELESS: &str = r"{
    const known = Date;
    const noTime = () => { throw new TypeError('the time is not known here; hand it over in `input`'); };
    const Timeless = new Proxy(known, {
        apply: noTime,
        construct: (target, given, made) => given.length === 0 ? noTime() : Reflect.construct(target, given, made),
    });
    known.now = noTime;
    known.prototype.constructor = Timeless;
    globalThis.Date = Timeless;
    Math.random = () => { throw new TypeError('there is no chance here; hand random numbers over in `input`'); };
}";

/// Evaluates the code.
pub(super) fn evaluate(request: &Request) -> Reply {
    let log = Rc::new(RefCell::new(Log::default()));
    let outcome = outcome(request, &log);
    let log = log.take().lines();
    Reply { outcome: outcome.map_or_else(Outcome::Failed, Outcome::Value), log }
}

fn outcome(request: &Request, log: &Rc<RefCell<Log>>) -> Result<serde_json::Value, Failed> {
    let engine = |error: rquickjs::Error| Failed::new(Why::Worker, format!("the engine does not start ({error})"));
    let runtime = Runtime::new().map_err(engine)?;
    runtime.set_memory_limit(request.limits.memory);
    runtime.set_max_stack_size(STACK);
    let context = Context::custom::<Language>(&runtime).map_err(engine)?;
    let time = Time::of(request.limits.time);
    let asked = time.clone();
    runtime.set_interrupt_handler(Some(Box::new(move || asked.is_over())));
    context.with(|ctx| {
        let made = prepare(&ctx, log).and_then(|()| value(&ctx, request, &time));
        let json = made.catch(&ctx).map_err(|error| failed(&error));
        // Whatever came of it, it came too late.
        if time.is_over() {
            let most = request.limits.time;
            return Err(Failed::new(
                Why::Time,
                format!("it had not ended after {most:?}; do less, or in smaller parts"),
            ));
        }
        match json? {
            Made::Json(json) => passed_on(&json, request.limits.output),
            Made::Nothing => Ok(serde_json::Value::Null),
            Made::NotJson(what) => {
                Err(Failed::new(Why::Output, format!("it returned a {what}, which JSON does not have")))
            }
            Made::Unsettled => Err(Failed::new(
                Why::Threw,
                "it waits for a promise that nothing will settle; there are no timers and no I/O",
            )),
            Made::NotRead(failed) => Err(failed),
        }
    })
}

/// What the code came to.
enum Made {
    Json(String),
    Nothing,
    NotJson(&'static str),
    Unsettled,
    NotRead(Failed),
}

fn prepare(ctx: &Ctx<'_>, log: &Rc<RefCell<Log>>) -> rquickjs::Result<()> {
    ctx.eval::<(), _>(TIMELESS)?;
    let console = Object::new(ctx.clone())?;
    for level in ["log", "info", "debug", "warn", "error"] {
        console.set(level, writer(ctx, log)?)?;
    }
    ctx.globals().set("console", console)
}

fn writer<'js>(ctx: &Ctx<'js>, log: &Rc<RefCell<Log>>) -> rquickjs::Result<Function<'js>> {
    let log = Rc::clone(log);
    Function::new(ctx.clone(), move |ctx: Ctx<'js>, given: Rest<Value<'js>>| -> rquickjs::Result<()> {
        let words = given.0.into_iter().map(|value| shown(&ctx, &value)).collect::<rquickjs::Result<Vec<_>>>()?;
        log.borrow_mut().add(words.join(" "));
        Ok(())
    })
}

/// A value as the console shows it: texts as they are, errors by name and message, all else as JSON if it has a form there.
fn shown<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> rquickjs::Result<String> {
    if !value.is_string()
        && !value.is_error()
        && !value.is_function()
        && let Some(json) = ctx.json_stringify(value)?
    {
        return json.to_string();
    }
    Ok(value.get::<Coerced<String>>()?.0)
}

/// The value of the code: an expression, a function of the input, or the body of one.
fn value<'js>(ctx: &Ctx<'js>, request: &Request, time: &Time) -> rquickjs::Result<Made> {
    let code = &request.code;
    // The code begins on the first line, so that its lines are those of the messages; the break ends a last comment.
    let wrapped = read(ctx, format!("(async (input) => ({code}\n))")).or_else(|_| {
        ctx.catch();
        read(ctx, format!("(async (input) => {{{code}\n}})"))
    });
    let function = match wrapped.catch(ctx) {
        Ok(function) => function,
        Err(error) => {
            let mut not_read = failed(&error);
            if not_read.why == Why::Threw {
                not_read.why = Why::Syntax;
            }
            let last = u32::try_from(code.lines().count()).unwrap_or(u32::MAX).max(1);
            not_read.line = not_read.line.map(|line| line.min(last));
            return Ok(Made::NotRead(not_read));
        }
    };
    let input = ctx.json_parse(request.input.to_string())?;
    let mut value: Value<'js> = function.call((input.clone(),))?;
    loop {
        let Some(settled) = settled(ctx, &value, time)? else { return Ok(Made::Unsettled) };
        match settled.as_function() {
            Some(function) => value = function.call((input.clone(),))?,
            None => return json(ctx, settled),
        }
        if time.is_over() {
            return Ok(Made::Unsettled);
        }
    }
}

fn read<'js>(ctx: &Ctx<'js>, source: String) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(NAME.to_owned());
    ctx.eval_with_options(source, options)
}

/// What a promise comes to; `None` if it comes to nothing.
fn settled<'js>(ctx: &Ctx<'js>, value: &Value<'js>, time: &Time) -> rquickjs::Result<Option<Value<'js>>> {
    let Some(promise) = value.as_promise() else { return Ok(Some(value.clone())) };
    while promise.state() == PromiseState::Pending {
        if time.is_over() || !ctx.execute_pending_job() {
            return Ok(None);
        }
    }
    promise.result().transpose()
}

fn json<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Made> {
    if value.is_undefined() {
        return Ok(Made::Nothing);
    }
    let what = value.type_name();
    Ok(match ctx.json_stringify(value)? {
        Some(json) => Made::Json(json.to_string()?),
        None => Made::NotJson(what),
    })
}

fn passed_on(json: &str, most: usize) -> Result<serde_json::Value, Failed> {
    if json.len() > most {
        let length = json.len();
        let message = format!("what it returned is {length} bytes of JSON, more than the limit of {most}; return less");
        return Err(Failed::new(Why::Output, message));
    }
    serde_json::from_str(json)
        .map_err(|error| Failed::new(Why::Output, format!("what it returned cannot be passed on: {error}")))
}

fn failed(error: &CaughtError<'_>) -> Failed {
    let thrown = match error {
        CaughtError::Exception(exception) => exception,
        CaughtError::Value(value) => {
            let told = value.get::<Coerced<String>>().map_or_else(|_| "something".to_owned(), |text| text.0);
            return Failed::new(Why::Threw, format!("it threw {}", short(&told)));
        }
        CaughtError::Error(error) => return Failed::new(Why::Threw, short(&error.to_string())),
    };
    let message = thrown.message().unwrap_or_default();
    let name: Option<String> = thrown.as_object().get("name").ok();
    let why = match message.as_str() {
        "out of memory" => Why::Memory,
        _ if name.as_deref() == Some("SyntaxError") && line(thrown).is_some() && is_own_syntax(thrown) => Why::Syntax,
        _ => Why::Threw,
    };
    let told = match name {
        Some(name) if !message.is_empty() => format!("{name}: {message}"),
        Some(name) => name,
        None => message,
    };
    Failed { why, message: short(&told), line: line(thrown) }
}

/// Whether the code itself cannot be read, and not a text that it gave to `JSON.parse` or the like.
fn is_own_syntax(thrown: &Exception<'_>) -> bool {
    thrown.stack().is_some_and(|stack| stack.lines().count() == 1)
}

/// The line of the code that is highest in the stack.
fn line(thrown: &Exception<'_>) -> Option<u32> {
    let stack = thrown.stack()?;
    let place = stack.split(&format!("{NAME}:")).nth(1)?;
    place.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn short(text: &str) -> String {
    const LONGEST: usize = 1000;
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST)])
}

/// How long the code may take. Cheap to clone.
#[derive(Clone)]
struct Time {
    ends: Instant,
    over: Rc<Cell<bool>>,
}

impl Time {
    fn of(most: Duration) -> Self {
        Self { ends: Instant::now() + most, over: Rc::default() }
    }

    fn is_over(&self) -> bool {
        if Instant::now() >= self.ends {
            self.over.set(true);
        }
        self.over.get()
    }
}

/// What was written to the console.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    bytes: usize,
    dropped: usize,
}

impl Log {
    fn add(&mut self, line: String) {
        if self.lines.len() >= MOST_LINES || self.bytes + line.len() > LONGEST_LOG {
            self.dropped += 1;
            return;
        }
        self.bytes += line.len();
        self.lines.push(line);
    }

    fn lines(mut self) -> Vec<String> {
        if self.dropped > 0 {
            self.lines.push(format!("… and {} more that were not kept", self.dropped));
        }
        self.lines
    }
}
