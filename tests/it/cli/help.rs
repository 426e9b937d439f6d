//! Usage.

use expect_test::expect;

use super::stage::Stage;

#[test]
fn the_help_names_every_command_and_every_exit_code() {
    expect![[r#"
        Carries out workflows with a company of supervised AI agents, durably: every step survives a crash

        Usage: callboard [OPTIONS] <COMMAND>

        Commands:
          validate   Checks a workflow file and reports everything that is wrong with it
          schema     Prints the JSON Schema of the workflow file
          run        Carries out a workflow file and prints its result
          runs       Lists runs, the newest first
          show       Shows a run: its steps, its result or failure, what it waits for
          events     Prints the events of a run, of which it consists
          resume     Finishes what a crash, Ctrl-C or --detach left unfinished
          cancel     Cancels a run: what is in flight is stopped, and nothing more begins
          signal     Sends a run a signal, which a `wait` step takes; one that comes early is kept
          questions  Lists what runs wait on a person for, and how to answer
          answer     Answers what a run waits for, and carries it on
          retry      Begins a new run that reuses what an ended one has done
          simulate   Shows what a workflow would do, and changes nothing
          chat       Talks: say what you want, see what is proposed, decide, and watch it being carried out
          plan       Turns words into a workflow, or into edits of one, and shows them before anything is
                     changed
          remember   Remembers documents: files, folders with all that is in them, or web pages
          recall     Searches the memory
          forget     Forgets documents, by where they are from
          memory     Looks after the memory
          agents     Lists the company's roles, talks to one, resizes it, or brings back a version of it
          serve      Lets other programs use the models, and carries on what is unfinished
          models     Shows the models that there are, what was found here, and how to add one
          costs      Shows what models have cost, and what is left of the budget
          secrets    Keeps passwords and keys, which workflows refer to by name
          tools      Lists the tools that steps and agents can call, or asks an MCP server what it offers
          config     Shows every setting with its value and where it was set
          help       Print this message or the help of the given subcommand(s)

        Options:
          -h, --help
                  Print help (see a summary with '-h')

          -V, --version
                  Print version

        Everywhere:
              --data <DIR>
                  The folder that holds everything durable [default: data]

              --config <FILE>
                  The configuration file [default: callboard.toml, if it is there]

                  [env: CALLBOARD_CONFIG]

              --format <FORMAT>
                  How results and errors are written

                  Possible values:
                  - text: For people
                  - json: For programs: results to standard output, errors to standard error

                  [default: text]

              --log <LEVEL>
                  What is logged to standard error: error, warn, info, debug, trace

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
          130  interrupted by Ctrl-C or SIGTERM; `callboard resume` goes on
        --- exit 0
    "#]]
    .assert_eq(&Stage::new().run(&["--help"]).shown());
}

#[test]
fn a_command_that_is_not_there_is_invalid_usage() {
    let stage = Stage::new();
    let ended = stage.run(&["rnus"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("'runs'"), "{ended:#?}");

    let ended = stage.run(&["rnus", "--format", "json"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.error()["code"], "usage");
}

#[test]
fn the_version_is_the_packages() {
    let ended = Stage::new().done(&["--version"]);
    assert_eq!(ended.stdout, format!("callboard {}\n", env!("CARGO_PKG_VERSION")));
}
