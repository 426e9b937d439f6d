//! The configuration's sections, from the values of their settings.

use std::collections::BTreeMap;

use super::layers::Entry;
use super::settings::setting;
use super::{
    Agents, Ask, AutoRun, Backend, Budget, Chat, Code, Config, Email, Engine, Exchanges, Files, Http, Listen, Log,
    LogFormat, McpServer, Memory, Models, Ollama, OpenAi, Remote, SecretRule, Secrets, Sql, ToolPolicy, Tools, named,
    value,
};

type Entries = BTreeMap<String, Entry>;

impl Config {
    pub(super) fn of(entries: BTreeMap<String, Entry>) -> Self {
        let get = |key: &str| value(&entries, key);
        Self {
            data: get("data").path(),
            log: Log {
                level: get("log.level").text(),
                format: if get("log.format").text() == "json" { LogFormat::Json } else { LogFormat::Text },
            },
            engine: Engine {
                active_runs: get("engine.active_runs").count(),
                attempts: get("engine.attempts").count(),
                stop_grace: get("engine.stop_grace").duration(),
            },
            agents: Agents { folder: get("agents.folder").path(), prompts: get("agents.prompts").path() },
            models: Models::of(&entries),
            chat: Chat {
                model: get("chat.model").text(),
                auto_run: if get("chat.auto_run").text() == "never" { AutoRun::Never } else { AutoRun::Read },
            },
            listen: Listen { address: get("listen.address").text(), key_variable: get("listen.key_variable").text() },
            budget: Budget {
                run: get("budget.run").dollars(),
                day: get("budget.day").dollars(),
                workspace: get("budget.workspace").dollars(),
            },
            memory: Memory {
                embedder: get("memory.embedder").text(),
                backend: if get("memory.backend").text() == "remote" { Backend::Remote } else { Backend::Edge },
                remote: Remote {
                    url: get("memory.remote.url").text(),
                    key_variable: get("memory.remote.key_variable").text(),
                    collection: get("memory.remote.collection").text(),
                    timeout: get("memory.remote.timeout").duration(),
                },
            },
            ask: match get("gate.ask").text().as_str() {
                "read" => Ask::Read,
                "write" => Ask::Write,
                "irreversible" => Ask::Irreversible,
                _ => Ask::Never,
            },
            policy: ToolPolicy {
                tools: get("policy.tools").list(),
                deny: get("policy.deny").list(),
                ask: get("policy.ask").list(),
            },
            tools: Tools::of(&entries),
            secrets: Secrets::of(&entries),
            mcp: named(&entries, "mcp")
                .into_iter()
                .map(|name| (name.clone(), McpServer::of(&entries, &name)))
                .collect(),
            entries,
        }
    }
}

impl Models {
    fn of(entries: &Entries) -> Self {
        let get = |key: &str| value(entries, key);
        Self {
            aliases: ["default", "fast", "strong"]
                .into_iter()
                .map(|alias| (alias.to_owned(), get(&format!("models.{alias}")).list()))
                .chain(
                    named(entries, "models.aliases")
                        .into_iter()
                        .map(|alias| (alias.clone(), get(&format!("models.aliases.{alias}")).list())),
                )
                .collect(),
            tries: get("models.tries").count(),
            patience: get("models.patience").duration(),
            timeout: get("models.timeout").duration(),
            prices: get("models.prices").path(),
            exchanges: match get("models.exchanges").text().as_str() {
                "record" => Exchanges::Record,
                "replay" => Exchanges::Replay,
                _ => Exchanges::Live,
            },
            cassettes: get("models.cassettes").path(),
            openai: OpenAi {
                base_url: get("models.openai.base_url").text(),
                key_variable: get("models.openai.key_variable").text(),
                timeout: get("models.openai.timeout").duration(),
                idle_timeout: get("models.openai.idle_timeout").duration(),
                model: get("models.openai.model").text(),
            },
            ollama: Ollama {
                base_url: get("models.ollama.base_url").text(),
                context: get("models.ollama.context").count(),
                timeout: get("models.ollama.timeout").duration(),
                idle_timeout: get("models.ollama.idle_timeout").duration(),
            },
        }
    }
}

impl Tools {
    fn of(entries: &Entries) -> Self {
        let get = |key: &str| value(entries, key);
        let sql = |name: &String| {
            let get = |what: &str| value(entries, &format!("tools.sql.{name}.{what}"));
            Sql {
                url: get("url").text(),
                password: get("password").text(),
                write: get("write").flag(),
                timeout: get("timeout").duration(),
                max_rows: get("max_rows").count(),
                max_bytes: get("max_bytes").bytes(),
            }
        };
        Self {
            max_result: get("tools.max_result").bytes(),
            http: Http {
                allow: get("tools.http.allow").list(),
                timeout: get("tools.http.timeout").duration(),
                max_bytes: get("tools.http.max_bytes").bytes(),
            },
            files: Files { root: get("tools.files.root").path(), max_bytes: get("tools.files.max_bytes").bytes() },
            code: Code { timeout: get("tools.code.timeout").duration(), memory: get("tools.code.memory").bytes() },
            email: Email {
                server: get("tools.email.server").text(),
                from: get("tools.email.from").text(),
                password: get("tools.email.password").text(),
                recipients: get("tools.email.recipients").list(),
                ca: get("tools.email.ca").path_or_none(),
                timeout: get("tools.email.timeout").duration(),
                max_bytes: get("tools.email.max_bytes").bytes(),
            },
            sql: named(entries, "tools.sql").into_iter().map(|name| (name.clone(), sql(&name))).collect(),
        }
    }
}

impl Secrets {
    fn of(entries: &Entries) -> Self {
        let get = |key: &str| value(entries, key);
        // The environment has no case: what it says comes after what a file says of the same name in upper case.
        let of_secret = |name: &str, what: &str| {
            let key = format!("secrets.{name}.{what}");
            entries
                .iter()
                .rfind(|(other, _)| other.eq_ignore_ascii_case(&key))
                .map_or(Vec::new(), |(_, e)| e.value.list())
        };
        let rule = |name: &str| SecretRule { tools: of_secret(name, "tools"), hosts: of_secret(name, "hosts") };
        let ruled = named(entries, "secrets").into_iter().filter(|name| setting(&format!("secrets.{name}")).is_none());
        Self {
            key_file: get("secrets.key_file").path(),
            rules: ruled.map(|name| (name.to_ascii_uppercase(), rule(&name))).collect(),
        }
    }
}

impl McpServer {
    fn of(entries: &BTreeMap<String, Entry>, name: &str) -> Self {
        let get = |key: &str| value(entries, &format!("mcp.{name}.{key}"));
        let table = |key: &str| -> BTreeMap<String, String> {
            let section = format!("mcp.{name}.{key}");
            let text = |name: &String| value(entries, &format!("{section}.{name}")).text();
            named(entries, &section).into_iter().map(|name| (name.clone(), text(&name))).collect()
        };
        Self {
            command: get("command").list(),
            folder: get("folder").path(),
            env: table("env"),
            url: get("url").text(),
            headers: table("headers"),
            tools: get("tools").list(),
            trust_hints: get("trust_hints").flag(),
            effects: table("effects"),
            is_own: get("origin").text() == "own",
            timeout: get("timeout").duration(),
            start_timeout: get("start_timeout").duration(),
        }
    }
}
