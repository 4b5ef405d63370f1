//! TLS between nodes: version 1.3 only, both sides with certificates of the cluster's own authority.
//!
//! A dialling node checks that the other side is exactly the node it meant: cluster, region and number
//! are in the name it asks the certificate for. An accepting node takes the name from the certificate.
//! Sessions are never resumed: every connection shows a certificate that is valid now.

use super::authority::{Issued, NodeKey, names_of};
use super::name::{PeerName, any_node_of};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream as ClientStream;
use tokio_rustls::server::TlsStream as ServerStream;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

/// What a node says it came for, before it shows who it is. Which versions of frames it speaks it says in them.
pub(crate) const ALPN_PEER: &[u8] = b"gearify-peer/1";
pub(crate) const ALPN_JOIN: &[u8] = b"gearify-join/1";

/// Why a connection's TLS did not come about.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("certificate or key can't be used: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("the authority's certificate can't be used: {0}")]
    Authority(String),
    #[error("{0}")]
    Handshake(#[from] std::io::Error),
    #[error("it came for something unknown")]
    Purpose,
    #[error("its certificate names no node")]
    Nameless,
}

impl TlsError {
    /// A label of the metric of refused peers.
    pub(crate) fn label(&self) -> &'static str {
        use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
        let TlsError::Handshake(error) = self else {
            return if matches!(self, TlsError::Purpose) { "purpose" } else { "certificate" };
        };
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(
                Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
            )) => "certificate-expired",
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
                "certificate"
            }
            _ => "tls",
        }
    }
}

/// A node's certificate with its key, and whom it trusts.
pub struct Credentials {
    pub name: PeerName,
    pub key: NodeKey,
    pub issued: Issued,
    /// The authority's certificate.
    pub authority: Vec<u8>,
}

/// [`Credentials`], ready for connections.
pub(crate) struct Tls {
    connector: TlsConnector,
    peers: Arc<ServerConfig>,
    joiners: Arc<ServerConfig>,
}

/// Somebody who connected.
pub(crate) enum Caller {
    Peer(PeerName, Box<ServerStream<TcpStream>>),
    /// Shows no certificate; a token must do.
    Joiner(Box<ServerStream<TcpStream>>),
}

impl Tls {
    pub(crate) fn new(credentials: &Credentials) -> Result<Tls, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(roots(&credentials.authority)?);
        let chain = vec![CertificateDer::from(credentials.issued.certificate.clone())];
        let key = || PrivateKeyDer::from(PrivatePkcs8KeyDer::from(credentials.key.to_pkcs8()));

        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots.clone());
        let mut client = client.with_client_auth_cert(chain.clone(), key())?;
        client.alpn_protocols = vec![ALPN_PEER.to_vec()];
        client.resumption = rustls::client::Resumption::disabled();

        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .map_err(|error| TlsError::Authority(error.to_string()))?;
        let server = || {
            ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(&[&rustls::version::TLS13])
        };
        let peers = server()?.with_client_cert_verifier(verifier).with_single_cert(chain.clone(), key())?;
        let joiners = server()?.with_no_client_auth().with_single_cert(chain, key())?;
        Ok(Tls {
            connector: TlsConnector::from(Arc::new(client)),
            peers: Arc::new(without_tickets(peers, ALPN_PEER)),
            joiners: Arc::new(without_tickets(joiners, ALPN_JOIN)),
        })
    }

    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        to: &PeerName,
    ) -> Result<ClientStream<TcpStream>, TlsError> {
        Ok(self.connector.connect(server_name(to.dns())?, stream).await?)
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<Caller, TlsError> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let came_for = |purpose: &[u8]| {
            start.client_hello().alpn().is_some_and(|mut offered| offered.any(|offer| offer == purpose))
        };
        if came_for(ALPN_PEER) {
            let stream = start.into_stream(self.peers.clone()).await?;
            let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let names = certificates.first().map(names_of).unwrap_or_default();
            let name = names.iter().find_map(|name| PeerName::from_dns(name)).ok_or(TlsError::Nameless)?;
            Ok(Caller::Peer(name, Box::new(stream)))
        } else if came_for(ALPN_JOIN) {
            Ok(Caller::Joiner(Box::new(start.into_stream(self.joiners.clone()).await?)))
        } else {
            Err(TlsError::Purpose)
        }
    }
}

/// Connects to any node of a cluster whose authority is known, without a certificate.
pub(crate) async fn connect_to_join(
    stream: TcpStream,
    cluster: &str,
    authority: &[u8],
) -> Result<ClientStream<TcpStream>, TlsError> {
    let mut client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots(authority)?)
        .with_no_client_auth();
    client.alpn_protocols = vec![ALPN_JOIN.to_vec()];
    client.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(client)).connect(server_name(any_node_of(cluster))?, stream).await?)
}

fn roots(authority: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let added = roots.add(CertificateDer::from(authority.to_vec()));
    added.map_err(|error| TlsError::Authority(error.to_string()))?;
    Ok(roots)
}

fn server_name(dns: String) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(dns).map_err(|error| TlsError::Authority(error.to_string()))
}

fn without_tickets(mut config: ServerConfig, purpose: &[u8]) -> ServerConfig {
    config.alpn_protocols = vec![purpose.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config
}
