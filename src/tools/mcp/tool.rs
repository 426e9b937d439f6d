//! One tool of a server, as one of ours.

use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::effects::effect;
use super::listing::Listed;
use super::server::Server;
use super::settings::ServerSettings;
use crate::run::Permit;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// One tool of a server. It does not keep its server alive, since the server knows all tools.
pub(super) struct McpTool {
    name: String,
    listed: Listed,
    effect: CallEffect,
    origin: Origin,
    timeout: Duration,
    secrets: Vec<String>,
    server: Weak<Server>,
}

impl McpTool {
    pub(super) fn new(settings: &ServerSettings, listed: &Listed, server: Weak<Server>) -> Self {
        let said = settings.effects.get(&listed.own).or_else(|| settings.effects.get(&listed.name));
        Self {
            name: format!("{}.{}", settings.name, listed.name),
            listed: listed.clone(),
            effect: effect(listed.hints, said.copied(), settings.hints),
            origin: settings.origin,
            timeout: super::server::longest_call(settings),
            secrets: settings.reach.secrets().map(ToString::to_string).collect(),
            server,
        }
    }
}

#[async_trait]
impl Tool for McpTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.listed.description
    }

    fn parameters(&self) -> Value {
        self.listed.parameters.clone()
    }

    fn worst(&self) -> Effect {
        self.effect.effect
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        self.effect
    }

    fn output(&self) -> Option<Value> {
        self.listed.output.clone()
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn secrets(&self, _arguments: &Value) -> Vec<String> {
        self.secrets.clone()
    }

    fn origin(&self) -> Origin {
        self.origin
    }

    fn described_by(&self) -> Origin {
        self.origin
    }

    async fn call(&self, arguments: Value, permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let Some(server) = self.server.upgrade() else {
            return Err(ToolError::retry("stopping", format!("{}: the program is about to stop", self.name)));
        };
        let Value::Object(arguments) = arguments else {
            return Err(ToolError::give_up("bad_arguments", "the arguments are no object"));
        };
        server.call(&self.listed, arguments, permit.idempotency_key()).await
    }
}
