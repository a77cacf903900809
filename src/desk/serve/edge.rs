//! The calls of the service, each handed to the room behind with the client that makes it. Nothing is decided here.

use std::sync::Arc;

use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Response, Status, Streaming};

use super::Service;
use super::outlet::{Answers, draining};
use super::refusals::Refused;
use super::visitors::Visitor;
use crate::proto::desk::v1 as wire;
use crate::proto::desk::v1::desk_service_server::DeskService;

/// The service on the wire.
pub(super) struct Edge(Arc<Service>);

impl Edge {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self(service)
    }

    fn service(&self) -> Arc<Service> {
        self.0.clone()
    }

    /// A question that blocks, or takes the processor for long.
    async fn ask<T, Work>(&self, work: Work) -> Result<Response<T>, Status>
    where
        T: Send + 'static,
        Work: FnOnce(&Service) -> Result<T, Refused> + Send + 'static,
    {
        Ok(Response::new(self.0.apart(work).await?))
    }

    /// Something that is done to its end, although the client hangs up.
    async fn order<T, Work>(&self, work: Work) -> Result<Response<T>, Status>
    where
        T: Send + 'static,
        Work: Future<Output = Result<T, Refused>> + Send + 'static,
    {
        Ok(Response::new(Service::to_its_end(work).await?))
    }
}

/// The client that the guard let through, and what it asks.
fn taken<T>(request: Request<T>) -> Result<(Visitor, T), Status> {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let nobody = || Refused::new(Code::Unauthenticated, "CLIENT_UNKNOWN", "the connection names nobody");
    Ok((visitor.ok_or_else(nobody)?, request.into_inner()))
}

#[tonic::async_trait]
impl DeskService for Edge {
    type DownloadDocumentStream = Answers<wire::DownloadDocumentResponse>;
    type WatchEventsStream = Answers<wire::Event>;
    type ExportEvidenceStream = Answers<wire::ExportEvidenceResponse>;

    async fn validate_draft(
        &self,
        request: Request<wire::ValidateDraftRequest>,
    ) -> Result<Response<wire::ValidateDraftResponse>, Status> {
        let (visitor, asked) = taken(request)?;
        self.ask(move |service| service.validate_draft(&visitor, asked)).await
    }

    async fn create_draft(
        &self,
        request: Request<wire::CreateDraftRequest>,
    ) -> Result<Response<wire::Draft>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().create_draft(visitor, asked)).await
    }

    async fn get_draft(
        &self,
        request: Request<wire::GetDraftRequest>,
    ) -> Result<Response<wire::Draft>, Status> {
        let (visitor, asked) = taken(request)?;
        self.ask(move |service| service.get_draft(&visitor, asked)).await
    }

    async fn list_drafts(
        &self,
        request: Request<wire::ListDraftsRequest>,
    ) -> Result<Response<wire::ListDraftsResponse>, Status> {
        let (_, asked) = taken(request)?;
        self.ask(move |service| service.list_drafts(asked)).await
    }

    async fn clear_draft(
        &self,
        request: Request<wire::ClearDraftRequest>,
    ) -> Result<Response<wire::Draft>, Status> {
        let (visitor, asked) = taken(request)?;
        self.ask(move |service| service.clear_draft(&visitor, asked)).await
    }

    async fn add_signature(
        &self,
        request: Request<wire::AddSignatureRequest>,
    ) -> Result<Response<wire::Draft>, Status> {
        let (visitor, asked) = taken(request)?;
        self.ask(move |service| service.add_signature(&visitor, asked)).await
    }

    async fn rebase_draft(
        &self,
        request: Request<wire::RebaseDraftRequest>,
    ) -> Result<Response<wire::Draft>, Status> {
        let (visitor, asked) = taken(request)?;
        self.ask(move |service| service.rebase_draft(&visitor, asked)).await
    }

    async fn cancel_draft(
        &self,
        request: Request<wire::CancelDraftRequest>,
    ) -> Result<Response<wire::Draft>, Status> {
        let (visitor, asked) = taken(request)?;
        self.ask(move |service| service.cancel_draft(&visitor, asked)).await
    }

    async fn release_draft(
        &self,
        request: Request<wire::ReleaseDraftRequest>,
    ) -> Result<Response<wire::ReleaseDraftResponse>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().release_draft(visitor, asked)).await
    }

    async fn send_protective_act(
        &self,
        request: Request<wire::SendProtectiveActRequest>,
    ) -> Result<Response<wire::ReleaseDraftResponse>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().send_protective_act(visitor, asked)).await
    }

    async fn withdraw_note(
        &self,
        request: Request<wire::WithdrawNoteRequest>,
    ) -> Result<Response<wire::Message>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().withdraw_note(visitor, asked)).await
    }

    async fn list_consultations(
        &self,
        request: Request<wire::ListConsultationsRequest>,
    ) -> Result<Response<wire::ListConsultationsResponse>, Status> {
        let (_, asked) = taken(request)?;
        self.ask(move |service| service.list_consultations(&asked)).await
    }

    async fn get_consultation(
        &self,
        request: Request<wire::GetConsultationRequest>,
    ) -> Result<Response<wire::Consultation>, Status> {
        let (_, asked) = taken(request)?;
        self.ask(move |service| service.get_consultation(asked)).await
    }

    async fn list_cases(
        &self,
        request: Request<wire::ListCasesRequest>,
    ) -> Result<Response<wire::ListCasesResponse>, Status> {
        let (_, asked) = taken(request)?;
        self.ask(move |service| service.list_cases(&asked)).await
    }

    async fn get_case(&self, request: Request<wire::GetCaseRequest>) -> Result<Response<wire::Case>, Status> {
        let (_, asked) = taken(request)?;
        self.ask(move |service| service.get_case(asked)).await
    }

    async fn check_departure(
        &self,
        request: Request<wire::CheckDepartureRequest>,
    ) -> Result<Response<wire::CheckDepartureResponse>, Status> {
        let (_, asked) = taken(request)?;
        self.order(self.service().check_departure(asked)).await
    }

    async fn list_messages(
        &self,
        request: Request<wire::ListMessagesRequest>,
    ) -> Result<Response<wire::ListMessagesResponse>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().list_messages(visitor, asked)).await
    }

    async fn get_message(
        &self,
        request: Request<wire::GetMessageRequest>,
    ) -> Result<Response<wire::Message>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().get_message(visitor, asked)).await
    }

    async fn search_messages(
        &self,
        request: Request<wire::SearchMessagesRequest>,
    ) -> Result<Response<wire::SearchMessagesResponse>, Status> {
        let (_, asked) = taken(request)?;
        self.ask(move |service| service.search_messages(&asked)).await
    }

    async fn get_upload(
        &self,
        request: Request<wire::GetUploadRequest>,
    ) -> Result<Response<wire::Upload>, Status> {
        let (visitor, asked) = taken(request)?;
        self.ask(move |service| service.uploads.of(visitor.name()).standing(&asked.digest)).await
    }

    async fn upload_document(
        &self,
        request: Request<Streaming<wire::UploadDocumentRequest>>,
    ) -> Result<Response<wire::Upload>, Status> {
        let (visitor, pieces) = taken(request)?;
        let uploads = self.0.uploads.of(visitor.name());
        let stay = self.0.visitors.stay(visitor);
        let pieces = pieces.map(move |piece| stay.may_go_on().map_err(Status::from).and(piece));
        tokio::select! {
            taken = uploads.take(pieces) => Ok(Response::new(taken?)),
            () = self.0.stopped() => Err(draining().into()),
        }
    }

    async fn download_document(
        &self,
        request: Request<wire::DownloadDocumentRequest>,
    ) -> Result<Response<Self::DownloadDocumentStream>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().download_document(visitor, asked)).await
    }

    async fn watch_events(
        &self,
        request: Request<wire::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let (visitor, asked) = taken(request)?;
        Ok(Response::new(self.0.watch_events(visitor, &asked)?))
    }

    async fn get_receipts(
        &self,
        request: Request<wire::GetReceiptsRequest>,
    ) -> Result<Response<wire::GetReceiptsResponse>, Status> {
        let (_, asked) = taken(request)?;
        self.order(self.service().get_receipts(asked)).await
    }

    async fn export_evidence(
        &self,
        request: Request<wire::ExportEvidenceRequest>,
    ) -> Result<Response<Self::ExportEvidenceStream>, Status> {
        let (visitor, asked) = taken(request)?;
        self.order(self.service().export_evidence(visitor, asked)).await
    }
}
