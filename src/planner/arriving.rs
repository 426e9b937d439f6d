//! A reply as it comes: each edit as soon as it is whole.

use serde_json::Value;

use crate::model::edits::Asked;

/// The beginning of a reply, of which more is to come.
#[derive(Debug, Default)]
pub(super) struct Arriving {
    text: String,
    /// How far it was looked at.
    at: usize,
    depth: u32,
    in_text: bool,
    escaped: bool,
    /// Where the list of edits begins to be one.
    in_edits: bool,
    /// Where the edit began that is not whole yet.
    begun: Option<usize>,
}

/// How deep the list of edits is: in the reply's object, the items of a list.
const EDITS: u32 = 2;

impl Arriving {
    /// Takes up more, and returns the edits that are whole now.
    pub(super) fn add(&mut self, more: &str) -> Vec<Asked> {
        self.text.push_str(more);
        let mut whole = Vec::new();
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if *byte == b'[' && self.depth == EDITS {
                        self.in_edits = is_edits(&self.text[..self.at - 1]);
                    }
                    if *byte == b'{' && self.in_edits && self.depth == EDITS + 1 {
                        self.begun = Some(self.at - 1);
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth < EDITS {
                        self.in_edits = false;
                    }
                    if self.depth == EDITS
                        && let Some(begun) = self.begun.take()
                    {
                        let value = serde_json::from_str::<Value>(&self.text[begun..self.at]).ok();
                        whole.extend(value.and_then(|value| serde_json::from_value(value).ok()));
                    }
                }
                _ => {}
            }
        }
        whole
    }
}

/// Whether what stands before a list is the key of the edits.
fn is_edits(before: &str) -> bool {
    before.trim_end().strip_suffix(':').is_some_and(|before| before.trim_end().ends_with("\"edits\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_there_as_soon_as_it_is_whole_however_the_reply_is_cut() {
        let reply = r#"{"assumptions": ["a [ {\"edits\": ["], "edits": [
            {"do":"remove","step":"a\"}]{é"}, {"do":"change","step":"b","set":[{"name":"x","value":"]}"}]}, {"do":"nonsense"}
        ], "questions": [{"ask":"?","choices":[]}], "doubts": []}"#;
        for length in [1, 2, 3, 7, 50, reply.len()] {
            let mut arriving = Arriving::default();
            let mut seen = Vec::new();
            let mut rest = reply;
            while !rest.is_empty() {
                let cut = rest.ceil_char_boundary(length.min(rest.len()));
                let (piece, after) = rest.split_at(cut);
                seen.extend(arriving.add(piece).iter().filter_map(|asked| asked.step().map(str::to_owned)));
                rest = after;
            }
            assert_eq!(seen, ["a\"}]{é", "b"], "in pieces of {length}");
        }
    }
}
