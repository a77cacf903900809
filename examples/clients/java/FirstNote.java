import chancery.consultation.v1.Correspondence;
import chancery.desk.v1.Act;
import chancery.desk.v1.ClearDraftRequest;
import chancery.desk.v1.CreateDraftRequest;
import chancery.desk.v1.DeskServiceGrpc;
import chancery.desk.v1.DeskServiceGrpc.DeskServiceBlockingStub;
import chancery.desk.v1.Draft;
import chancery.desk.v1.DraftContent;
import chancery.desk.v1.DraftText;
import chancery.desk.v1.Event;
import chancery.desk.v1.EventKind;
import chancery.desk.v1.Message;
import chancery.desk.v1.ReleaseDraftRequest;
import chancery.desk.v1.SentState;
import chancery.desk.v1.WatchEventsRequest;
import chancery.message.v1.DocumentStanding;
import chancery.message.v1.Form;
import chancery.message.v1.Level;
import chancery.message.v1.Precedence;
import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import java.io.File;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;

/**
 * A first note, released: java FirstNote HOST PORT SERVER_NAME CLIENTS TO JOB
 *
 * <p>CLIENTS is the folder with casework/, legal/ and head/, each as `chancery desk enrol` wrote it. With the shaded
 * artifact the two netty imports begin with io.grpc.netty.shaded.
 */
public final class FirstNote {
    public static void main(String[] args) throws Exception {
        if (args.length != 6) {
            System.err.println("usage: java FirstNote HOST PORT SERVER_NAME CLIENTS TO JOB");
            System.exit(2);
        }
        String job = args[5];
        DeskServiceBlockingStub casework = connect(args, "casework");
        DeskServiceBlockingStub legal = connect(args, "legal");
        DeskServiceBlockingStub head = connect(args, "head");
        try {
            // Before anything is sent: a cursor of now. Keep it, and no event is missed whatever breaks.
            Iterator<Event> events = casework.withDeadlineAfter(120, TimeUnit.SECONDS)
                    .watchEvents(WatchEventsRequest.newBuilder().setFromNow(true).build());
            System.out.println("watching from " + events.next().getCursor());

            // Request ids come of the job: whoever runs this twice sends one note.
            Draft draft = in30s(casework).createDraft(CreateDraftRequest.newBuilder()
                    .setRequestId(job + "-create").setContent(note(args[4])).addClearBy("legal-01").build());
            System.out.println("drafted " + draft.getFormalNumber() + ", " + draft.getName());
            in30s(legal).clearDraft(ClearDraftRequest.newBuilder()
                    .setRequestId(job + "-clear").setName(draft.getName()).build());
            Message message = in30s(head).releaseDraft(ReleaseDraftRequest.newBuilder()
                    .setRequestId(job + "-release").setName(draft.getName()).build()).getMessages(0);
            System.out.println("released " + message.getRegisterNumber() + ", " + message.getName());

            // Where this runs a second time, it was delivered before the watch began.
            if (message.getState() == SentState.SENT_STATE_DELIVERED) {
                System.out.println("delivered " + message.getName());
                return;
            }
            while (events.hasNext()) {
                Event event = events.next();
                System.out.println(event.getKind() + " " + event.getSubject());
                if (event.getKind() == EventKind.EVENT_KIND_MESSAGE_DELIVERED
                        && event.getSubject().equals(message.getName())) {
                    System.out.println("delivered " + message.getName());
                    return;
                }
            }
        } catch (StatusRuntimeException refused) {
            explain(refused);
            System.exit(1);
        }
    }

    /** A connection by mutual TLS as one client; the desk is asked for its own name, wherever it is reached. */
    static DeskServiceBlockingStub connect(String[] args, String client) throws Exception {
        File own = new File(args[3], client);
        ManagedChannel channel = NettyChannelBuilder.forAddress(args[0], Integer.parseInt(args[1]))
                .overrideAuthority(args[2])
                .sslContext(GrpcSslContexts.forClient()
                        .keyManager(new File(own, "client.pem"), new File(own, "client.key"))
                        .trustManager(new File(own, "root.pem"))
                        .protocols("TLSv1.3").build())
                .maxInboundMessageSize(64 * 1024 * 1024)
                .build();
        return DeskServiceGrpc.newBlockingStub(channel);
    }

    static DeskServiceBlockingStub in30s(DeskServiceBlockingStub desk) {
        return desk.withDeadlineAfter(30, TimeUnit.SECONDS);
    }

    static DraftContent note(String to) {
        return DraftContent.newBuilder()
                .addTo(to)
                .setPrecedence(Precedence.PRECEDENCE_ROUTINE)
                .setLevel(Level.LEVEL_RESTRICTED)
                .setForm(Form.FORM_NOTE_VERBALE)
                .addTexts(DraftText.newBuilder()
                        .setDocumentId("en").setLanguage("en")
                        .setStanding(DocumentStanding.DOCUMENT_STANDING_OFFICIAL)
                        .setTitle("Note verbale")
                        .setWords("The Ministry presents its compliments to the Ministry and asks by which procedure "
                                + "wishes of prisoners are recorded.\nThe Ministry avails itself of this opportunity "
                                + "to renew the assurances of its highest consideration.\n"))
                .setAct(Act.newBuilder().setCorrespondence(
                        Correspondence.newBuilder().setSubject("Prisoners of war: procedure")))
                .build();
    }

    /** The reason for programs, the fields that are wrong, and when to come back. */
    static void explain(StatusRuntimeException refused) throws Exception {
        System.err.println(refused.getStatus());
        com.google.rpc.Status status = StatusProto.fromThrowable(refused);
        if (status == null) {
            return;
        }
        for (Any detail : status.getDetailsList()) {
            if (detail.is(ErrorInfo.class)) {
                System.err.println("reason " + detail.unpack(ErrorInfo.class).getReason());
            } else if (detail.is(BadRequest.class)) {
                detail.unpack(BadRequest.class).getFieldViolationsList().forEach(
                        one -> System.err.println("  " + one.getField() + ": " + one.getDescription()));
            } else if (detail.is(RetryInfo.class)) {
                System.err.println("again in " + detail.unpack(RetryInfo.class).getRetryDelay().getSeconds() + " s");
            }
        }
    }
}
