//! Keeps other sites out: a page from elsewhere that is open in the same browser must neither read this one nor act through
//! it, not even if its host's name has come to lead here (DNS rebinding).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Lets through what comes from this machine and from this page.
pub(super) async fn guard(State(port): State<u16>, request: Request, next: Next) -> Response {
    match refusal(request.method(), request.headers(), port) {
        Some(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(method: &Method, headers: &HeaderMap, port: u16) -> Option<String> {
    let hosts = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
    let value = |name| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    let host = value(header::HOST).unwrap_or_default();
    if !hosts.iter().any(|it| it == host) {
        return Some(format!("this page is at http://{}, and answers under no other name\n", hosts[0]));
    }
    let is_own = value(header::ORIGIN).map(|origin| origin.strip_prefix("http://") == Some(host));
    match is_own {
        Some(true) => None,
        Some(false) => Some("this page answers to no other site\n".to_owned()),
        // Browsers say where a request comes from, unless it only reads from the page itself.
        None if method == Method::GET || method == Method::HEAD => None,
        None => Some(format!("what changes something needs the header Origin: http://{host}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Method, host: Option<&str>, origin: Option<&str>, is_let_through: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        let refusal = refusal(&method, &headers, 4000);
        assert_eq!(refusal.is_none(), is_let_through, "{method} {host:?} {origin:?}: {refusal:?}");
    }

    #[test]
    fn only_this_page_may_change_something() {
        check(Method::GET, Some("127.0.0.1:4000"), None, true);
        check(Method::GET, Some("localhost:4000"), Some("http://localhost:4000"), true);
        check(Method::POST, Some("127.0.0.1:4000"), Some("http://127.0.0.1:4000"), true);
        check(Method::POST, Some("127.0.0.1:4000"), None, false);
        check(Method::POST, Some("127.0.0.1:4000"), Some("null"), false);
        check(Method::DELETE, Some("127.0.0.1:4000"), Some("http://evil.example"), false);
        check(Method::POST, Some("127.0.0.1:4000"), Some("http://127.0.0.1:5000"), false);
        check(Method::POST, Some("localhost:4000"), Some("https://localhost:4000"), false);
    }

    #[test]
    fn another_name_for_this_machine_is_refused() {
        check(Method::GET, Some("evil.example:4000"), None, false);
        check(Method::GET, Some("127.0.0.1"), None, false);
        check(Method::GET, Some("127.0.0.1:4000.evil.example"), None, false);
        check(Method::GET, None, None, false);
        check(Method::GET, Some("127.0.0.1:4000"), Some("http://evil.example"), false);
    }
}
