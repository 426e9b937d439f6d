//! A server that speaks HTTP just as it is told to, cuts what it says where it is told to, and keeps what it is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The method and the path: `POST /v1/chat/completions`.
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Sent {
    /// The header with this name, in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} has a body that is no JSON", self.line))
    }
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// The connection is closed in the middle.
    Cut,
    /// Nothing more comes, and the connection stays open.
    Hang,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    pieces: Vec<Vec<u8>>,
    end: End,
    /// True if not even the head is sent.
    is_silent: bool,
    /// If the pieces come again and again, the pause between them.
    drip: Option<Duration>,
}

impl Answer {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, pieces: vec![body.into()], end: End::Whole, is_silent: false, drip: None }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Takes the request and says nothing.
    pub fn silence() -> Self {
        Self { end: End::Hang, is_silent: true, ..Self::new(200, "", "") }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// The same, in pieces that each reach the reader by themselves.
    pub fn cut(mut self, lengths: impl Iterator<Item = usize>) -> Self {
        let whole = self.pieces.concat();
        let mut rest = whole.as_slice();
        self.pieces.clear();
        for length in lengths {
            let (piece, others) = rest.split_at(length.min(rest.len()));
            self.pieces.push(piece.to_vec());
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        self.pieces.push(rest.to_vec());
        self
    }

    /// Only the first pieces.
    pub fn first(mut self, count: usize) -> Self {
        self.pieces.truncate(count);
        self
    }

    /// Only the first piece, and then nothing.
    pub fn hold(self) -> Self {
        self.first(1).ending(End::Hang)
    }

    /// Its pieces again and again.
    pub fn dripping(self, pause: Duration) -> Self {
        Self { drip: Some(pause), ..self }
    }

    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    async fn write(&self, to: &mut TcpStream) -> std::io::Result<()> {
        if !self.is_silent {
            let mut head = format!("HTTP/1.1 {} Said\r\ntransfer-encoding: chunked\r\n", self.status);
            for (name, value) in &self.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            to.write_all(format!("{head}\r\n").as_bytes()).await?;
            self.write_pieces(to).await?;
            while let Some(pause) = self.drip {
                tokio::time::sleep(pause).await;
                self.write_pieces(to).await?;
            }
        }
        match self.end {
            End::Whole => to.write_all(b"0\r\n\r\n").await,
            End::Cut => to.shutdown().await,
            End::Hang => std::future::pending().await,
        }
    }
}

impl Answer {
    /// A chunk of its own is what keeps a piece a piece, whatever the network makes of it.
    async fn write_pieces(&self, to: &mut TcpStream) -> std::io::Result<()> {
        for piece in self.pieces.iter().filter(|piece| !piece.is_empty()) {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.extend_from_slice(piece);
            chunk.extend_from_slice(b"\r\n");
            to.write_all(&chunk).await?;
        }
        Ok(())
    }
}

/// A server on this machine, until it is dropped.
pub struct Server {
    pub address: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request by what it is.
    pub async fn start(answer: impl Fn(&Sent) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::<Mutex<Vec<Sent>>>::default();
        let (kept, answer) = (sent.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                connections.spawn(serve(stream, kept.clone(), answer.clone()));
            }
        });
        Self { address, sent, task }
    }

    /// Answers everything alike.
    pub async fn saying(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    /// What was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, sent: Arc<Mutex<Vec<Sent>>>, answer: Arc<dyn Fn(&Sent) -> Answer + Send + Sync>) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let answer = answer(&request);
        sent.lock().unwrap().push(request);
        // Whoever is tired of listening goes.
        if answer.write(&mut stream).await.is_err() || answer.end == End::Cut {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Sent> {
    let head = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break buffer.drain(..at + 4).collect::<Vec<_>>();
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    Some(Sent { line, headers, body: buffer.drain(..length).collect() })
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut read = [0; 16 << 10];
    let count = stream.read(&mut read).await.ok().filter(|count| *count > 0)?;
    buffer.extend_from_slice(&read[..count]);
    Some(())
}
