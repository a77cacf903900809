import chancery.desk.v1.Upload;
import chancery.desk.v1.UploadDocumentRequest;
import com.google.protobuf.ByteString;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/** The pieces of an upload, each sent when the line takes it: a document of 4 GiB needs the memory of a few pieces. */
final class Pieces implements ClientResponseObserver<UploadDocumentRequest, Upload>, AutoCloseable {
    private static final int PIECE_BYTES = 256 * 1024;

    private final CompletableFuture<Upload> answer = new CompletableFuture<>();
    private final InputStream file;
    private UploadDocumentRequest first;
    private boolean ended;

    Pieces(Path document, ByteString digest, long offset) throws IOException {
        first = UploadDocumentRequest.newBuilder()
                .setDigest(digest).setSize(Files.size(document)).setOffset(offset).build();
        file = Files.newInputStream(document);
        file.skipNBytes(offset);
    }

    /** What the desk says in the end. */
    CompletableFuture<Upload> answer() {
        return answer;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<UploadDocumentRequest> line) {
        line.setOnReadyHandler(() -> {
            try {
                send(line);
            } catch (IOException unreadable) {
                ended = true;
                answer.completeExceptionally(unreadable);
                line.cancel("the document cannot be read", unreadable);
            }
        });
    }

    /** Called whenever the line has room again, by one thread at a time. */
    private void send(ClientCallStreamObserver<UploadDocumentRequest> line) throws IOException {
        if (first != null) {
            line.onNext(first);
            first = null;
        }
        while (line.isReady() && !ended) {
            byte[] piece = file.readNBytes(PIECE_BYTES);
            if (piece.length == 0) {
                ended = true;
                line.onCompleted();
            } else {
                line.onNext(UploadDocumentRequest.newBuilder().setContent(ByteString.copyFrom(piece)).build());
            }
        }
    }

    @Override
    public void onNext(Upload held) {
        answer.complete(held);
    }

    @Override
    public void onError(Throwable refused) {
        ended = true;
        answer.completeExceptionally(refused);
    }

    @Override
    public void onCompleted() {
        answer.completeExceptionally(new IOException("the desk said nothing of the upload"));
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
