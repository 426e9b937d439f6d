//! The command line: what can be asked for, and how it is answered. One file a command.
//!
//! A command that needs the data folder opens a [`session`]: this process becomes the folder's owner, or talks to the
//! one that is, by the same routes. So every command is written once.

mod agents;
mod answer;
mod cancel;
mod carry;
mod chat;
mod client;
mod code_worker;
mod complaint;
mod config;
mod costs;
mod events;
mod exit;
mod follow;
mod forget;
mod interrupt;
mod live;
mod memory;
mod models;
mod output;
mod pairs;
mod plan;
mod progress;
mod questions;
mod recall;
mod remember;
mod resume;
mod retry;
mod run;
mod runs;
mod schema;
mod secrets;
mod serve;
mod session;
mod show;
mod signal;
mod simulate;
mod source;
mod tell;
mod terminal;
mod tools;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Config, Sources};
use crate::telemetry;

use complaint::Complaint;
use exit::Exit;
use interrupt::Interrupt;
use live::Screen;
use output::Output;

/// Carries out workflows with a company of supervised AI agents, durably: every step survives a crash.
#[derive(Debug, Parser)]
#[command(name = "callboard", version, arg_required_else_help = true, after_help = exit::HELP, after_long_help = LONG_HELP)]
struct Arguments {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Shared {
    /// The folder that holds everything durable [default: data]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    data: Option<PathBuf>,
    /// The configuration file [default: callboard.toml, if it is there]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CALLBOARD_CONFIG",
        hide_env_values = true,
        help_heading = "Everywhere"
    )]
    config: Option<PathBuf>,
    /// How results and errors are written
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Everywhere")]
    format: Format,
    /// What is logged to standard error: error, warn, info, debug, trace
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Everywhere")]
    log: Option<String>,
}

/// How results and errors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: results to standard output, errors to standard error
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Validate),
    Schema(schema::Schema),
    Run(run::Run),
    Runs(runs::Runs),
    Show(show::Show),
    Events(events::Events),
    Resume(resume::Resume),
    Cancel(cancel::Cancel),
    Signal(signal::Signal),
    Questions(questions::Questions),
    Answer(answer::Answer),
    Retry(retry::Retry),
    Simulate(simulate::Simulate),
    Chat(chat::Chat),
    Plan(plan::Plan),
    Remember(remember::Remember),
    Recall(recall::Recall),
    Forget(forget::Forget),
    #[command(subcommand)]
    Memory(memory::Memory),
    Agents(agents::Agents),
    Serve(serve::Serve),
    Models(models::Models),
    Costs(costs::Costs),
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    Tools(tools::Tools),
    Config(config::ShowConfig),
    CodeWorker(code_worker::CodeWorker),
}

/// What `--help` says at the end.
const LONG_HELP: &str = "\
Examples:
  callboard remember docs/                        remember a folder of documents
  callboard chat                                  say what you want, and see it proposed
  callboard run brief.yaml --input topic=Rust     carry out a workflow and print its result
  callboard run brief.yaml --format json          the same, for a script
  callboard answer last go_on approved            answer what a run waits for
  callboard resume                                finish what a crash or Ctrl-C left unfinished
  callboard events last --follow                  watch a run, beside the process that works on it

A RUN is a run's id, the beginning of one, or `last`.

Exit codes:
  0    done; the run completed
  1    the run failed
  2    invalid usage, input or workflow file; no such run
  3    the run is parked: a person must answer a question
  4    the run was cancelled
  5    the environment failed: disk, data folder, another process
  130  interrupted by Ctrl-C or SIGTERM; `callboard resume` goes on";

/// What every command is carried out with.
struct Context {
    config: Config,
    output: Output,
    screen: Screen,
    interrupt: Interrupt,
}

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error).into(),
    };
    let format = arguments.shared.format;
    let exit = match start(arguments) {
        Ok(exit) => exit,
        Err(complaint) => {
            complaint.show(format);
            complaint.exit
        }
    };
    exit.into()
}

/// Says what is wrong with the arguments, or the help that was asked for.
fn usage(error: &clap::Error) -> Exit {
    let helps = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let words: Vec<String> = std::env::args().collect();
    let json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json");
    if json && !helps {
        let message = error.to_string();
        Complaint::invalid("usage", message.trim_start_matches("error: ").trim_end()).show(Format::Json);
    } else {
        // There is nobody left to tell if the output is closed.
        let _ = error.print();
    }
    if helps { Exit::Done } else { Exit::Invalid }
}

fn start(arguments: Arguments) -> Result<Exit, Complaint> {
    let Arguments { shared, command } = arguments;
    if matches!(command, Command::CodeWorker(_)) {
        return Ok(code_worker::CodeWorker::carry_out());
    }
    if let Command::Config(command) = &command
        && command.wants_example()
    {
        return finish(&config::ShowConfig::example(Output::new(shared.format)));
    }
    let mut flags = Vec::new();
    if let Some(data) = &shared.data {
        flags.push(("data", "--data", data.to_string_lossy().into_owned()));
    }
    if let Some(log) = &shared.log {
        flags.push(("log.level", "--log", log.clone()));
    }
    // Variables that are no Unicode are none of ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    let config = Config::load(&Sources {
        folder: PathBuf::new(),
        file: shared.config,
        environment: environment.collect(),
        flags,
    })?;
    let output = Output::new(shared.format);
    let screen = Screen::new(output.is_live());
    telemetry::start(&config.log, screen.log_writer()).map_err(|error| {
        Complaint::invalid("bad_configuration", format!("log.level: {error}")).suggest("use a level such as info")
    })?;
    // The database writes on a thread of its own, which wants a core as much as the rest together.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.saturating_sub(1).max(1))
        .enable_all()
        .build()
        .map_err(|error| Complaint::environment("no_threads", format!("the program cannot start: {error}")))?;
    let exit = runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        let context = Context { config, output, screen, interrupt };
        let result = tokio::select! {
            result = carry_out(command, &context) => result,
            () = context.interrupt.ignored() => Ok(Exit::Interrupted),
        };
        context.screen.clear();
        let exit = result?;
        finish(&context.output).map(|written| written.max(exit))
    });
    // What still computes, such as a tool whose step was cancelled, is nothing to wait for.
    runtime.shutdown_timeout(LAST_MOMENT);
    exit
}

/// How long what blocks a thread may go on when everything else has ended.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Whether all that was to be written could be.
fn finish(output: &Output) -> Result<Exit, Complaint> {
    match output.failure() {
        None => Ok(Exit::Done),
        Some(error) => {
            Err(Complaint::environment("output_failed", format!("standard output could not be written: {error}")))
        }
    }
}

async fn carry_out(command: Command, context: &Context) -> Result<Exit, Complaint> {
    match command {
        Command::Validate(command) => command.carry_out(context).await,
        Command::Schema(schema::Schema {}) => Ok(schema::Schema::carry_out(context)),
        Command::Run(command) => command.carry_out(context).await,
        Command::Runs(command) => command.carry_out(context).await,
        Command::Show(command) => command.carry_out(context).await,
        Command::Events(command) => command.carry_out(context).await,
        Command::Resume(command) => command.carry_out(context).await,
        Command::Cancel(command) => command.carry_out(context).await,
        Command::Signal(command) => command.carry_out(context).await,
        Command::Questions(command) => command.carry_out(context).await,
        Command::Answer(command) => command.carry_out(context).await,
        Command::Retry(command) => command.carry_out(context).await,
        Command::Simulate(command) => command.carry_out(context).await,
        Command::Chat(command) => command.carry_out(context).await,
        Command::Plan(command) => command.carry_out(context).await,
        Command::Remember(command) => command.carry_out(context).await,
        Command::Recall(command) => command.carry_out(context).await,
        Command::Forget(command) => command.carry_out(context).await,
        Command::Memory(command) => command.carry_out(context).await,
        Command::Agents(command) => command.carry_out(context).await,
        Command::Serve(command) => command.carry_out(context).await,
        Command::Models(command) => command.carry_out(context).await,
        Command::Costs(command) => command.carry_out(context).await,
        Command::Secrets(command) => command.carry_out(context).await,
        Command::Tools(command) => command.carry_out(context).await,
        Command::Config(_) => Ok(config::ShowConfig::carry_out(context)),
        Command::CodeWorker(_) => Ok(code_worker::CodeWorker::carry_out()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Arguments::command().get_subcommands() {
            let nested: Vec<_> = command.get_subcommands().collect();
            for command in if nested.is_empty() { vec![command] } else { nested } {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("callboard"), "`{}` has no example in its help", command.get_name());
            }
        }
    }
}
