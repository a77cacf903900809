import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the desk refused: a stable reason for programs, a sentence for people, the fields, and when to come back. */
final class Refused extends Exception {
    private static final long serialVersionUID = 1;
    private static final Duration PAUSE_WITHOUT_REASON = Duration.ofSeconds(1);

    final Status.Code code;
    /** Branch on this. Empty where it was not the desk that spoke, but the line or the library. */
    final String reason;
    /** Path and cause of every field that is wrong. */
    final List<String> fields;
    private final Duration retryAfter;

    private Refused(Status status, String reason, List<String> fields, Duration retryAfter, Throwable cause) {
        super(status.getCode() + " " + reason + ": " + status.getDescription(), cause);
        this.code = status.getCode();
        this.reason = reason;
        this.fields = List.copyOf(fields);
        this.retryAfter = retryAfter;
    }

    /** Reads the google.rpc.Status that travels in the trailer `grpc-status-details-bin`. */
    static Refused of(Throwable error) {
        String reason = "";
        List<String> fields = new ArrayList<>();
        Duration retryAfter = null;
        com.google.rpc.Status told = StatusProto.fromThrowable(error);
        try {
            for (Any detail : told == null ? List.<Any>of() : told.getDetailsList()) {
                if (detail.is(ErrorInfo.class) && detail.unpack(ErrorInfo.class).getDomain().equals("chancery")) {
                    reason = detail.unpack(ErrorInfo.class).getReason();
                } else if (detail.is(BadRequest.class)) {
                    detail.unpack(BadRequest.class).getFieldViolationsList()
                            .forEach(one -> fields.add(one.getField() + ": " + one.getDescription()));
                } else if (detail.is(RetryInfo.class)) {
                    var pause = detail.unpack(RetryInfo.class).getRetryDelay();
                    retryAfter = Duration.ofSeconds(pause.getSeconds(), pause.getNanos());
                }
            }
        } catch (InvalidProtocolBufferException damaged) {
            reason = "";
        }
        return new Refused(Status.fromThrowable(error), reason, fields, retryAfter, error);
    }

    /** How long to wait before the very same request is sent again; empty where that would not help. */
    Optional<Duration> pause() {
        boolean passing = code == Status.Code.UNAVAILABLE || code == Status.Code.DEADLINE_EXCEEDED;
        boolean fromTheLine = reason.isEmpty() && passing;
        return Optional.ofNullable(retryAfter).or(() -> Optional.of(PAUSE_WITHOUT_REASON).filter(any -> fromTheLine));
    }
}
