//! Writing to the log from inside the process: demo data, the command line.
//!
//! A step has a name; together with tenant and purpose it is the command's id, so that a step that is
//! repeated after an interruption acts once.

use crate::backend::NodeBackend;
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::{Actor, Command, Refusal, Reply, Site, TenantId};
use gearify_web::ports::SubmitError;

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("{step}: {refusal}")]
    Refused { step: String, refusal: Refusal },
    #[error("{step}: {error}")]
    Submit { step: String, error: SubmitError },
}

/// Writes into one tenant's site.
#[derive(Clone, Copy)]
pub struct Writer<'b> {
    backend: &'b NodeBackend,
    tenant: TenantId,
    site: Site,
}

impl<'b> Writer<'b> {
    pub fn new(backend: &'b NodeBackend, tenant: TenantId, site: Site) -> Writer<'b> {
        Writer { backend, tenant, site }
    }

    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub fn backend(&self) -> &'b NodeBackend {
        self.backend
    }

    /// Runs a command under the name of its step.
    pub async fn command(&self, step: &str, command: impl Into<Command>) -> Result<Reply, WriteError> {
        self.once(step, Intent::Ready(Box::new(command.into()))).await
    }

    /// Runs an intent under the name of its step: once, however often it is called within two days.
    pub async fn once(&self, step: &str, intent: Intent) -> Result<Reply, WriteError> {
        self.run(step, self.name(step), intent).await
    }

    /// Runs an intent each time it is called.
    pub async fn again(&self, step: &str, intent: Intent) -> Result<Reply, WriteError> {
        self.run(step, rand::random(), intent).await
    }

    async fn run(&self, step: &str, id: [u8; 16], intent: Intent) -> Result<Reply, WriteError> {
        let request = Request {
            id: CommandId(id),
            keep: Keep::Long,
            hash: self.name(step),
            tenant: self.tenant,
            site: self.site,
            actor: Actor::System,
            intent,
        };
        let decided = self.backend.submit_now(&request).await;
        let decided = decided.map_err(|error| WriteError::Submit { step: step.to_owned(), error })?;
        decided.result.map_err(|refusal| WriteError::Refused { step: step.to_owned(), refusal })
    }

    fn name(&self, step: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key("gearify 2026 step of a writer");
        hasher.update(&self.tenant.bits().to_be_bytes());
        hasher.update(&self.site.0.to_be_bytes());
        hasher.update(step.as_bytes());
        let mut name = [0; 16];
        name.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        name
    }
}
