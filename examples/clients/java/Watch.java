import chancery.desk.v1.Event;
import chancery.desk.v1.EventKind;
import chancery.desk.v1.WatchEventsRequest;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Events after a kept cursor, one at a time, in order, at least once, across restarts of both sides. The cursor is kept
 * after an event was dealt with, so whatever breaks in between, the event comes again.
 */
final class Watch implements AutoCloseable {
    /** Each watch ends after so long and is opened anew: by the connection, and the certificate, of then. */
    private static final Duration WATCH_DEADLINE = Duration.ofHours(1);

    private final Desk desk;
    private final Path cursor;
    private final Handler handler;
    private final ScheduledExecutorService reopening = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "watch");
        thread.setDaemon(true);
        return thread;
    });
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private volatile ClientCallStreamObserver<WatchEventsRequest> line;

    /** What is done with an event. May be called twice for one event, never by two threads at once. */
    interface Handler {
        void handle(Event event) throws Exception;
    }

    /** Watches from the kept cursor on. */
    Watch(Desk desk, Path cursor, Handler handler) {
        this.desk = desk;
        this.cursor = cursor;
        this.handler = handler;
        reopening.execute(this::open);
    }

    /** Keeps a cursor of now, where there is none yet: nothing that happens from here on is missed. */
    static void begin(Desk desk, Path cursor) throws Refused, IOException, InterruptedException {
        if (!Files.exists(cursor)) {
            WatchEventsRequest fromNow = WatchEventsRequest.newBuilder().setFromNow(true).build();
            CancellableContext stream = Context.current().withCancellation();
            Context before = stream.attach();
            try {
                keep(cursor, desk.call(stub -> stub.watchEvents(fromNow).next().getCursor()));
            } finally {
                stream.detachAndCancel(before, null);
            }
        }
    }

    /** Completes when the watch was closed, and exceptionally when it cannot go on: a person must look. */
    CompletableFuture<Void> ended() {
        return ended;
    }

    private void open() {
        try {
            WatchEventsRequest request = WatchEventsRequest.newBuilder().setCursor(Files.readString(cursor)).build();
            desk.async(WATCH_DEADLINE).watchEvents(request, new Events());
        } catch (IOException unreadable) {
            ended.completeExceptionally(unreadable);
        }
    }

    /** One stream of events. The next event is asked for when the last one was dealt with. */
    private final class Events implements ClientResponseObserver<WatchEventsRequest, Event> {
        @Override
        public void beforeStart(ClientCallStreamObserver<WatchEventsRequest> stream) {
            stream.disableAutoRequestWithInitial(1);
            line = stream;
        }

        @Override
        public void onNext(Event event) {
            try {
                if (event.getKind() != EventKind.EVENT_KIND_OPENED) {
                    handler.handle(event);
                }
                keep(cursor, event.getCursor());
                line.request(1);
            } catch (Exception failed) {
                ended.completeExceptionally(failed);
                line.cancel("an event could not be dealt with", failed);
            }
        }

        @Override
        public void onError(Throwable error) {
            if (ended.isDone()) {
                return;
            }
            // DRAINING, a broken line, the own deadline. CURSOR_OF_ANOTHER_PAST: the desk was restored from a backup.
            Refused refused = Refused.of(error);
            Optional<Duration> pause = refused.pause();
            if (pause.isPresent()) {
                reopening.schedule(Watch.this::open, pause.get().toMillis(), TimeUnit.MILLISECONDS);
            } else {
                ended.completeExceptionally(refused);
            }
        }

        @Override
        public void onCompleted() {
            if (!ended.isDone()) {
                reopening.schedule(Watch.this::open, 1, TimeUnit.SECONDS);
            }
        }
    }

    /** Replaces a small file whole: after a crash it holds the old text or the new one. */
    private static void keep(Path file, String text) throws IOException {
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel written = FileChannel.open(
                fresh, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            written.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
            written.force(true);
        }
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() {
        ended.complete(null);
        reopening.shutdownNow();
        if (line != null) {
            line.cancel("the watch is closed", null);
        }
    }
}
