//! What the plot API answered.

use http::{HeaderMap, StatusCode};
use spillway_contracts::ObjectName;
use spillway_contracts::plot::{PLOT_BUCKET_HEADER, PLOT_KEY_HEADER, StoredPlot};

use crate::Error;

/// The eight bytes that every PNG begins with.
const PNG_SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Reads the answer: where the plot is, if it is one.
pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<StoredPlot, Error> {
    if !status.is_success() {
        let start = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        return Err(if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Error::Unavailable { status: status.as_u16(), body: start }
        } else {
            Error::Rejected(format!("{status}: {start}"))
        });
    }
    if !body.starts_with(&PNG_SIGNATURE) {
        return Err(Error::Rejected(format!("{} bytes that don't begin as a PNG does", body.len())));
    }
    let header = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| Error::Rejected(format!("the header {name} is missing")))
    };
    Ok(StoredPlot {
        bucket_name: header(PLOT_BUCKET_HEADER)?.into(),
        object_name: ObjectName::new(header(PLOT_KEY_HEADER)?).map_err(|error| Error::Rejected(error.to_string()))?,
        content_type: header("content-type")?.into(),
        size_bytes: body.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> HeaderMap {
        let pairs = [("content-type", "image/png"), (PLOT_BUCKET_HEADER, "plots"), (PLOT_KEY_HEADER, "a.png")];
        pairs.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    }

    #[track_caller]
    fn check(status: u16, headers: &HeaderMap, body: &[u8], expect: Result<u64, &str>) {
        let read = read(StatusCode::from_u16(status).unwrap(), headers, body);
        let size = read.map(|plot| plot.size_bytes).map_err(|error| error.to_string());
        assert_eq!(size, expect.map_err(str::to_owned));
    }

    #[test]
    fn a_png_with_its_place_is_a_plot() {
        check(200, &headers(), b"\x89PNG\r\n\x1a\n...", Ok(11));
    }

    #[test]
    fn anything_else_is_not() {
        let not = "the plot API's answer is not a plot: ";
        check(200, &headers(), b"<html>", Err(&format!("{not}6 bytes that don't begin as a PNG does")));
        check(403, &headers(), b"Forbidden", Err(&format!("{not}403 Forbidden: Forbidden")));
        check(200, &HeaderMap::new(), &PNG_SIGNATURE, Err(&format!("{not}the header {PLOT_BUCKET_HEADER} is missing")));
        check(503, &headers(), b"busy", Err("the plot API answered 503: busy"));
    }
}
