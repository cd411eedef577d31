//! The HTTP client of the AWS credential chain: reqwest, which the object store uses as well. The chain's own client
//! would be a second HTTP stack.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use reqwest::{Client, redirect};

use crate::tls;

/// A request takes no longer than this if the chain sets no limit.
const REQUEST_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Connecting takes no longer than this, whatever the chain says: it is what AWS's own clients wait at most.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// Requests for credentials and tokens, all through one pool of connections. It follows no redirects and uses no proxy:
/// the metadata service must be asked directly.
#[derive(Clone, Debug)]
pub(crate) struct CredentialHttpClient(Client);

impl CredentialHttpClient {
    /// A client of the process's TLS provider.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        tls::install_provider();
        let builder = Client::builder().redirect(redirect::Policy::none()).no_proxy();
        builder.connect_timeout(CONNECT_TIMEOUT).build().map(Self)
    }
}

impl HttpClient for CredentialHttpClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let timeout = match (settings.connect_timeout(), settings.read_timeout()) {
            (None, None) => REQUEST_TIMEOUT_DEFAULT,
            (connect, read) => connect.unwrap_or_default() + read.unwrap_or(REQUEST_TIMEOUT_DEFAULT),
        };
        SharedHttpConnector::new(CredentialConnector { client: self.0.clone(), timeout })
    }
}

/// [`CredentialHttpClient`] with the limits of one operation of the chain.
#[derive(Debug)]
struct CredentialConnector {
    client: Client,
    /// From the beginning of a request until its body has been read.
    timeout: Duration,
}

impl HttpConnector for CredentialConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, timeout) = (self.client.clone(), self.timeout);
        HttpConnectorFuture::new(async move {
            let mut request = to_reqwest(request)?;
            *request.timeout_mut() = Some(timeout);
            let response = client.execute(request).await.map_err(connector_error)?;
            from_reqwest(response).await
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<reqwest::Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(user_error)?;
    let (parts, body) = request.into_parts();
    let body =
        body.bytes().ok_or_else(|| user_error("a request for credentials with a body that is a stream"))?.to_vec();
    reqwest::Request::try_from(http::Request::from_parts(parts, body)).map_err(user_error)
}

async fn from_reqwest(response: reqwest::Response) -> Result<HttpResponse, ConnectorError> {
    let mut answer = http::Response::new(SdkBody::empty());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    *answer.body_mut() = SdkBody::from(response.bytes().await.map_err(connector_error)?);
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

fn user_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// The chain tries again after a timeout and after an I/O error.
fn connector_error(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn connector(timeout: Duration) -> CredentialConnector {
        let CredentialHttpClient(client) = CredentialHttpClient::new().unwrap();
        CredentialConnector { client, timeout }
    }

    fn put(uri: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from("the body"));
        request.set_method("PUT").unwrap();
        request.set_uri(uri).unwrap();
        request.headers_mut().insert("x-aws-ec2-metadata-token-ttl-seconds", "21600");
        request
    }

    /// Reads from a socket until what was read ends in `end`.
    async fn read_until(socket: &mut tokio::net::TcpStream, end: &[u8]) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end) {
            read.push(socket.read_u8().await.unwrap());
        }
        String::from_utf8(read).unwrap()
    }

    #[tokio::test]
    async fn a_request_and_its_response_arrive_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/latest/api/token?a=b", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = read_until(&mut socket, b"the body").await;
            // A redirect is the chain's to judge.
            let response = b"HTTP/1.1 302 Found\r\nlocation: /b\r\nx-a: 1\r\ncontent-length: 5\r\n\r\ntoken";
            socket.write_all(response).await.unwrap();
            request
        });
        let response = connector(Duration::from_secs(60)).call(put(&uri)).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers().get("x-a")), (302, Some("1")));
        assert_eq!(response.body().bytes(), Some(&b"token"[..]));
        let request = server.await.unwrap();
        assert!(request.starts_with("PUT /latest/api/token?a=b HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"), "{request}");
        assert!(request.contains("content-length: 8\r\n"), "{request}");
    }

    #[tokio::test]
    async fn a_server_that_does_not_respond_is_a_timeout_and_one_that_is_not_there_an_io_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        let error = connector(Duration::from_millis(50)).call(put(&uri)).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        drop(listener);
        let error = connector(Duration::from_secs(60)).call(put(&uri)).await.unwrap_err();
        assert!(error.is_io(), "{error:?}");
    }
}
