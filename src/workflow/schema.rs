//! The published JSON Schema of the workflow file.

/// The schema as JSON text, draft 2020-12. It says what [`super::yaml`] reads; a test holds the two together.
pub const SCHEMA: &str = include_str!("schema.json");
