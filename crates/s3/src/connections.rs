//! The connections to a bucket: each Tokio runtime has its own.

use alluvium_runtime::PerRuntime;
use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

/// Opens connections for each runtime that makes requests.
#[derive(Debug, Default)]
pub(crate) struct ConnectorPerRuntime {
    reqwest: ReqwestConnector,
}

impl HttpConnector for ConnectorPerRuntime {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Invalid options are an error now, and not of the first request.
        self.reqwest.connect(options)?;
        Ok(HttpClient::new(ClientPerRuntime { options: options.clone(), clients: PerRuntime::default() }))
    }
}

#[derive(Debug)]
struct ClientPerRuntime {
    options: ClientOptions,
    clients: PerRuntime<HttpClient>,
}

#[async_trait]
impl HttpService for ClientPerRuntime {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let client = self.clients.get_or_make(|| ReqwestConnector::default().connect(&self.options));
        client.map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?.execute(request).await
    }
}
