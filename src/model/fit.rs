//! Fits a request to a model's context window. Pure: the same request, room and counts always give the same.
//!
//! The policy, by what is kept first: who the model is and its task (all system messages, the first message of a user), with
//! the tools and the form of the result; then the newest turns, as many as there is room for; of the oldest turn that is
//! kept, retrieved entries by their rank. A turn is what a model said with what came of it, so that a call is never torn
//! from its result. Of the newest turn, without which the model would go round in circles, long results are cut.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Message, Request, untrusted};

/// Counts tokens.
pub(super) trait Count {
    /// What a request costs beside its messages: tools, the form of the result, the beginning of the reply.
    fn frame(&self, request: &Request) -> u32;
    /// What a message costs.
    fn message(&self, message: &Message) -> u32;
}

/// A request that fits.
#[derive(Debug)]
pub(super) struct Fitted<'a> {
    /// It.
    pub(super) request: Cow<'a, Request>,
    /// How many tokens it is.
    pub(super) tokens: u32,
}

/// What has to be kept is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong {
    /// How many tokens it is.
    pub(super) tokens: u32,
    /// How many there is room for.
    pub(super) limit: u32,
}

/// What stands where turns were left out.
const LEFT_OUT: &str = "(Earlier messages are left out here, so that the conversation fits the context window.)";

/// What stands where a result was cut.
const CUT: &str = "… (cut, so that it fits the context window)";

/// Fits a request into `limit` tokens: the window less the room for the reply.
///
/// # Errors
/// [`TooLong`] if what has to be kept alone is longer.
pub(super) fn fit<'a>(request: &'a Request, limit: u32, count: &impl Count) -> Result<Fitted<'a>, TooLong> {
    let costs: Vec<u32> = request.messages.iter().map(|message| count.message(message)).collect();
    let frame = count.frame(request);
    let tokens = costs.iter().copied().fold(frame, u32::saturating_add);
    if tokens <= limit {
        return Ok(Fitted { request: Cow::Borrowed(request), tokens });
    }
    let kept = kept(&request.messages);
    let rest: Vec<usize> = (0..request.messages.len()).filter(|at| !kept[*at]).collect();
    let note = Message::User { text: LEFT_OUT.to_owned() };
    let always = costs.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(cost, _)| *cost);
    let mut used = always.fold(frame, u32::saturating_add);
    if !rest.is_empty() {
        used = used.saturating_add(count.message(&note));
    }
    if used > limit {
        return Err(TooLong { tokens: used, limit });
    }
    // From here on `used` never exceeds `limit`.
    let mut newest: Vec<Vec<Message>> = Vec::new();
    for (age, turn) in turns(&request.messages, &rest).into_iter().rev().enumerate() {
        let cost = turn.iter().map(|at| costs[*at]).fold(0, u32::saturating_add);
        let messages: Vec<Message> = turn.iter().map(|at| request.messages[*at].clone()).collect();
        if cost <= limit - used {
            used += cost;
            newest.push(messages);
            continue;
        }
        let shortened = by_rank(&messages, limit - used, count)
            .or_else(|| if age == 0 { cut(&messages, limit - used, count) } else { None });
        match shortened {
            Some((messages, cost)) => {
                used += cost;
                newest.push(messages);
            }
            None if age == 0 => return Err(TooLong { tokens: used.saturating_add(cost), limit }),
            None => {}
        }
        break;
    }
    let mut messages: Vec<Message> = Vec::with_capacity(request.messages.len());
    // A system message that came later stands before the turns, too: it holds for all of them.
    messages.extend(request.messages.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(message, _)| message.clone()));
    if !rest.is_empty() {
        messages.push(note);
    }
    messages.extend(newest.into_iter().rev().flatten());
    Ok(Fitted { request: Cow::Owned(Request { messages, ..without_messages(request) }), tokens: used })
}

fn without_messages(request: &Request) -> Request {
    let Request { messages: _, tools, output, reply_tokens, temperature } = request;
    Request {
        messages: Vec::new(),
        tools: tools.clone(),
        output: output.clone(),
        reply_tokens: *reply_tokens,
        temperature: *temperature,
    }
}

/// Which messages are always kept: what the system says, and the task.
fn kept(messages: &[Message]) -> Vec<bool> {
    let task = messages.iter().position(|message| matches!(message, Message::User { .. }));
    messages
        .iter()
        .enumerate()
        .map(|(at, message)| matches!(message, Message::System { .. }) || Some(at) == task)
        .collect()
}

/// The turns among the messages at `rest`: each begins with what the model said.
fn turns(messages: &[Message], rest: &[usize]) -> Vec<Vec<usize>> {
    let mut turns: Vec<Vec<usize>> = Vec::new();
    for &at in rest {
        match turns.last_mut() {
            Some(turn) if !matches!(messages[at], Message::Assistant { .. }) => turn.push(at),
            _ => turns.push(vec![at]),
        }
    }
    turns
}

/// The turn with as many of its retrieved entries, the best first, as there is room for; at least one of each retrieval.
fn by_rank(turn: &[Message], room: u32, count: &impl Count) -> Option<(Vec<Message>, u32)> {
    let turn: Vec<(Message, Option<String>)> = turn.iter().map(opened).collect();
    let most = turn.iter().filter_map(|(message, _)| retrieved(message)).map(Vec::len).max()?;
    largest(most.checked_sub(1)?, |entries| {
        let shorter: Vec<Message> = turn
            .iter()
            .map(|(message, source)| closed(with_entries(message, entries + 1), source.as_deref()))
            .collect();
        let cost = shorter.iter().map(|message| count.message(message)).fold(0, u32::saturating_add);
        (cost <= room).then_some((shorter, cost))
    })
}

/// The turn with its results cut to the same length, the longest for which there is room.
fn cut(turn: &[Message], room: u32, count: &impl Count) -> Option<(Vec<Message>, u32)> {
    let text = |message: &Message| match message {
        Message::Tool { result, .. } => Some(result.as_str().map_or_else(|| result.to_string(), str::to_owned)),
        _ => None,
    };
    let turn: Vec<(Message, Option<String>)> = turn.iter().map(opened).collect();
    let texts: Vec<Option<String>> = turn.iter().map(|(message, _)| text(message)).collect();
    let longest = texts.iter().flatten().map(String::len).max()?;
    largest(longest, |length| {
        let shorter: Vec<Message> = turn
            .iter()
            .zip(&texts)
            .map(|((message, source), text)| closed(cut_to(message, text.as_deref(), length), source.as_deref()))
            .collect();
        let cost = shorter.iter().map(|message| count.message(message)).fold(0, u32::saturating_add);
        (cost <= room).then_some((shorter, cost))
    })
}

/// A message without the marks around what others wrote, and whose words that is: marks are not to be cut.
fn opened(message: &Message) -> (Message, Option<String>) {
    match message {
        Message::Tool { call, result } => match untrusted::opened(result) {
            Some((source, result)) => (Message::Tool { call: call.clone(), result }, Some(source)),
            None => (message.clone(), None),
        },
        _ => (message.clone(), None),
    }
}

/// The message with marks around what others wrote.
fn closed(message: Message, source: Option<&str>) -> Message {
    match (message, source) {
        (Message::Tool { call, result }, Some(source)) => {
            Message::Tool { call, result: untrusted::wrap(source, &result) }
        }
        (message, _) => message,
    }
}

fn cut_to(message: &Message, text: Option<&str>, length: usize) -> Message {
    match (message, text) {
        (Message::Tool { call, .. }, Some(text)) if text.len() > length => {
            let cut = format!("{}{CUT}", &text[..text.floor_char_boundary(length)]);
            Message::Tool { call: call.clone(), result: Value::String(cut) }
        }
        _ => message.clone(),
    }
}

/// What `attempt` gives for the largest number up to `most` for which it gives something, as far as bisection finds it.
fn largest<T>(most: usize, attempt: impl Fn(usize) -> Option<T>) -> Option<T> {
    let mut best = attempt(0)?;
    let (mut good, mut bad) = (0, most + 1);
    while good + 1 < bad {
        let middle = good + (bad - good) / 2;
        match attempt(middle) {
            Some(found) => (best, good) = (found, middle),
            None => bad = middle,
        }
    }
    Some(best)
}

/// The key under which a search returns what it found, the best first.
const HITS: &str = "hits";

/// The retrieved entries of a result, the best first.
fn retrieved(message: &Message) -> Option<&Vec<Value>> {
    match message {
        Message::Tool { result, .. } => result.get(HITS)?.as_array(),
        _ => None,
    }
}

/// The message with so many of its retrieved entries at most.
fn with_entries(message: &Message, most: usize) -> Message {
    match (message, retrieved(message)) {
        (Message::Tool { call, result }, Some(hits)) if hits.len() > most => {
            let mut result = result.clone();
            result[HITS] = hits[..most].into();
            result["left_out"] = json!(hits.len() - most);
            Message::Tool { call: call.clone(), result }
        }
        _ => message.clone(),
    }
}

#[cfg(test)]
mod tests;
