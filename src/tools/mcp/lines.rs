//! Bytes to lines of a bounded length.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::Decoder;

/// Cuts a stream at its line ends. A line that is longer than the limit ends the stream with an error.
#[derive(Debug)]
pub(super) struct Lines {
    limit: usize,
    /// How much of the buffer was looked through already.
    seen: usize,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, seen: 0 }
    }
}

impl Decoder for Lines {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        let end = buffer[self.seen..].iter().position(|byte| *byte == b'\n').map(|at| self.seen + at);
        if end.unwrap_or(buffer.len()) > self.limit {
            let message = format!("it sent a message longer than {} bytes", self.limit);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let Some(end) = end else {
            self.seen = buffer.len();
            return Ok(None);
        };
        self.seen = 0;
        let mut line = buffer.split_to(end + 1);
        line.truncate(end);
        Ok(Some(line))
    }

    /// What comes after the last line end is no message.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        let line = self.decode(buffer)?;
        if line.is_none() {
            buffer.clear();
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use tokio_util::codec::FramedRead;

    use super::*;

    async fn lines(bytes: &[u8], limit: usize) -> Vec<Result<String, io::ErrorKind>> {
        let text = |line: io::Result<BytesMut>| {
            line.map(|line| String::from_utf8_lossy(&line).into_owned()).map_err(|error| error.kind())
        };
        FramedRead::with_capacity(bytes, Lines::new(limit), 1).map(text).collect().await
    }

    #[tokio::test]
    async fn lines_are_cut_at_their_ends_and_bounded() {
        let line = |text: &str| Ok(text.to_owned());
        let too_long = || Err(io::ErrorKind::InvalidData);
        for (bytes, expected) in [
            ("", vec![]),
            ("a\n\nbc\n", vec![line("a"), line(""), line("bc")]),
            ("a\nbc", vec![line("a")]),
            ("abcd\n", vec![line("abcd")]),
            ("a\nabcde\n", vec![line("a"), too_long()]),
            ("abcdefgh", vec![too_long()]),
        ] {
            assert_eq!(lines(bytes.as_bytes(), 4).await, expected, "{bytes:?}");
        }
    }
}
