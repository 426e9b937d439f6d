//! Pages, from a server on this machine.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use url::Url;

use super::*;
use crate::net::{AddressRules, Guarded};

/// A server whose page at `/page` is `text`, with an `ETag` that is its length.
struct Server {
    address: std::net::SocketAddr,
    text: Arc<Mutex<Option<String>>>,
}

async fn answer(State(text): State<Arc<Mutex<Option<String>>>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let page =
        |kind: &str, body: Vec<u8>| Response::builder().header("content-type", kind).body(Body::from(body)).unwrap();
    let status = |status: StatusCode| Response::builder().status(status).body(Body::empty()).unwrap();
    let to = |place: &str| Response::builder().status(302).header("location", place).body(Body::empty()).unwrap();
    match uri.path() {
        "/page" => {
            let text = text.lock().unwrap().clone();
            let Some(text) = text else { return status(StatusCode::GONE) };
            let tag = format!("\"{}\"", text.len());
            if headers.get("if-none-match").is_some_and(|known| known == tag.as_str()) {
                return status(StatusCode::NOT_MODIFIED);
            }
            let mut response = page("text/html; charset=utf-8", text.into_bytes());
            response.headers_mut().insert("etag", tag.parse().unwrap());
            response
        }
        "/moved" => to("/page"),
        "/circle" => to("/circle"),
        "/inside" => to("http://10.1.2.3/secret"),
        "/metadata" => to("http://[::ffff:169.254.169.254]/"),
        "/file" => to("file:///etc/passwd"),
        "/latin" => page("text/plain; charset=iso-8859-1", b"Die Gr\xf6\xdfe".to_vec()),
        "/declared" => page("text/html", b"<meta charset='iso-8859-7'><p>\xd9\xf1\xe1 \xe5\xdf\xed\xe1\xe9".to_vec()),
        "/picture" => page("image/png", b"png".to_vec()),
        "/table" => page("text/csv", b"name,price\notter,42\n".to_vec()),
        "/long" => page("text/plain", vec![b'x'; 5_000]),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(20)).await;
            status(StatusCode::OK)
        }
        "/broken" => status(StatusCode::INTERNAL_SERVER_ERROR),
        _ => status(StatusCode::NOT_FOUND),
    }
}

impl Server {
    async fn start() -> Self {
        let text = Arc::new(Mutex::new(Some("<main><h1>Otters</h1><p>They swim.</p></main>".to_owned())));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(text.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, text }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What remembering these paths comes to, where this server may be called.
    async fn remember(&self, place: &Place, paths: &[&str]) -> Report {
        let rules = AddressRules::parse([self.address.to_string()]).unwrap();
        let web = Web::new(Guarded::new(rules)).with_limits(4_000, Duration::from_millis(700));
        let urls = paths.iter().map(|path| Url::parse(&self.url(path)).unwrap()).collect();
        let wanted = Remember { pages: Some(Pages { urls, web }), ..Remember::of(Vec::new(), place.docs()) };
        place.memory.remember(wanted, |_| ()).await.unwrap()
    }
}

#[tokio::test]
async fn a_page_is_remembered_by_its_address_and_read_anew_when_it_changed() {
    let (place, server) = (place().await, Server::start().await);
    let report = server.remember(&place, &["/page#part", "/moved", "/latin", "/declared", "/table"]).await;
    assert_eq!((report.added, report.skipped.len()), (5, 0), "{report:?}");
    let mut sources = place.sources("swim").await;
    assert_eq!(sources.len(), 1, "the same text is found once");
    let also = place.recall("swim").await.remove(0).also;
    sources.extend(also.into_iter().map(|place| place.source));
    sources.sort();
    assert_eq!(sources, [server.url("/moved"), server.url("/page")]);
    assert_eq!(place.sources("Größe").await, [server.url("/latin")]);
    assert_eq!(place.recall("Ωρα").await[0].text, "Ωρα είναι");
    assert_eq!(place.recall("otter price").await.iter().filter(|hit| hit.text == "name,price\notter,42").count(), 1);

    let again = server.remember(&place, &["/page", "/latin"]).await;
    assert_eq!((again.unchanged, again.changed, again.bytes), (2, 0, 9), "a page with a tag is not sent again");
    *server.text.lock().unwrap() = Some("<p>Herons stand.</p>".to_owned());
    assert_eq!(server.remember(&place, &["/page"]).await.changed, 1);
    assert_eq!(place.sources("herons").await, [server.url("/page")]);
    // Folders are another matter.
    assert_eq!(place.remember().await.forgotten, 0);
    *server.text.lock().unwrap() = None;
    let gone = server.remember(&place, &["/page"]).await;
    assert_eq!((gone.forgotten, gone.skipped[0].reason.as_str()), (1, "is not there (410 Gone)"));
    assert_eq!(place.sources("herons").await, [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_fetched_says_why() {
    let (place, server) = (place().await, Server::start().await);
    for (path, reason) in [
        ("/circle", "redirects more than 5 times"),
        ("/inside", "10.1.2.3 is at 10.1.2.3, a private address; add it to tools.http.allow"),
        ("/metadata", "a private address"),
        ("/file", "leads to an address of `file`: only http and https are fetched"),
        ("/picture", "is of the type image/png; text, Markdown, HTML, PDF, CSV and JSON can be remembered"),
        ("/long", "has more than 4000 bytes, which is the limit"),
        ("/slow", "no complete answer within 700ms"),
        ("/broken", "the server answers 500 Internal Server Error"),
        ("/nowhere", "is not there (404 Not Found)"),
    ] {
        let report = server.remember(&place, &[path]).await;
        assert_eq!((report.added, report.skipped.len()), (0, 1), "{path}");
        assert!(report.skipped[0].reason.contains(reason), "{path}: {}", report.skipped[0].reason);
        assert_eq!(report.skipped[0].path.to_str().unwrap(), server.url(path));
    }
    let web = Web::new(Guarded::new(AddressRules::default()));
    let secret = Url::parse("http://ann:secret@example.org/").unwrap();
    for (url, reason) in
        [(Url::parse(&server.url("/page")).unwrap(), "a private address"), (secret, "carries a password")]
    {
        let pages = Some(Pages { urls: vec![url], web: web.clone() });
        let wanted = Remember { pages, ..Remember::of(Vec::new(), place.docs()) };
        let report = place.memory.remember(wanted, |_| ()).await.unwrap();
        assert!(report.skipped[0].reason.contains(reason), "{report:?}");
    }
}
