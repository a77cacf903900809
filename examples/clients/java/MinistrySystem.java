import chancery.consultation.v1.Correspondence;
import chancery.desk.v1.Act;
import chancery.desk.v1.ClearDraftRequest;
import chancery.desk.v1.CreateDraftRequest;
import chancery.desk.v1.Direction;
import chancery.desk.v1.DocumentInfo;
import chancery.desk.v1.Draft;
import chancery.desk.v1.DraftContent;
import chancery.desk.v1.DraftDocument;
import chancery.desk.v1.DraftText;
import chancery.desk.v1.EventKind;
import chancery.desk.v1.GetMessageRequest;
import chancery.desk.v1.ListMessagesRequest;
import chancery.desk.v1.ListMessagesResponse;
import chancery.desk.v1.Message;
import chancery.desk.v1.MessageContent;
import chancery.desk.v1.ReleaseDraftRequest;
import chancery.message.v1.DocumentClass;
import chancery.message.v1.DocumentStanding;
import chancery.message.v1.Form;
import chancery.message.v1.Level;
import chancery.message.v1.Precedence;
import com.google.protobuf.FieldMask;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

/**
 * A ministry's own system, talking to its desk: it asks another ministry something, or answers with a document.
 *
 * <pre>
 *   java MinistrySystem HOST PORT SERVER_NAME CLIENTS STATE ask TO JOB
 *   java MinistrySystem HOST PORT SERVER_NAME CLIENTS STATE answer TO ANNEX
 * </pre>
 *
 * <p>CLIENTS is the folder with casework/, legal/ and head/, each as `chancery desk enrol` wrote it, or a link to that:
 * they play three people, and in a ministry are three systems with one key each. STATE keeps the cursor and what came.
 */
public final class MinistrySystem implements AutoCloseable {
    private static final long PATIENCE_S = 600;
    /** What this conversation is about: by it a note that asks and the system that answers find each other. */
    private static final String SUBJECT = "Prisoners of war: how wishes are recorded";
    /** What the register says of a message, without opening it. */
    private static final FieldMask OUTSIDE = FieldMask.newBuilder()
            .addPaths("name").addPaths("register_number").addPaths("direction").addPaths("sender")
            .addPaths("consultation").build();

    private final Desk casework;
    private final Desk legal;
    private final Desk head;
    private final Path state;
    private final Path cursor;

    private MinistrySystem(String[] args) throws IOException {
        Path clients = Path.of(args[3]);
        casework = new Desk(args[0], Integer.parseInt(args[1]), args[2], clients.resolve("casework"));
        legal = new Desk(args[0], Integer.parseInt(args[1]), args[2], clients.resolve("legal"));
        head = new Desk(args[0], Integer.parseInt(args[1]), args[2], clients.resolve("head"));
        state = Files.createDirectories(Path.of(args[4]));
        cursor = state.resolve("cursor");
    }

    public static void main(String[] args) throws Exception {
        try (MinistrySystem system = new MinistrySystem(args)) {
            if (args[5].equals("ask")) {
                system.ask(args[6], args[7]);
            } else {
                system.answer(args[6], Path.of(args[7]));
            }
        } catch (Refused refused) {
            System.err.println(refused.getMessage());
            refused.fields.forEach(field -> System.err.println("  " + field));
            System.exit(1);
        } catch (TimeoutException nothing) {
            System.err.println("nothing came within " + PATIENCE_S + " s");
            System.exit(1);
        }
    }

    /** Sends a note, waits for the answer, fetches its documents, and keeps the evidence of both. */
    private void ask(String to, String job) throws Exception {
        Watch.begin(casework, cursor);
        Message question = send(job, note(to, "asks by which procedure wishes of prisoners are recorded.").build());
        Message answer = waitFor(
                outside -> outside.getConsultation().equals(question.getConsultation()),
                inside -> inside.getInReplyTo().equals(question.getName()));
        say("answered by " + answer.getRegisterNumber() + ": "
                + answer.getContent().getAct().getCorrespondence().getSubject());
        for (DocumentInfo document : answer.getContent().getDocumentsList()) {
            Path target = state.resolve(job + "-" + document.getDocumentId());
            if (document.getWords().isEmpty()) {
                casework.download(answer.getName(), document.getDocumentId(), target);
            } else {
                Files.writeString(target, document.getWords());
            }
            say("  " + document.getTitle() + ": " + Files.size(target) + " bytes, as signed");
        }
        Path evidence = state.resolve(job + "-evidence.zip");
        head.export(question.getConsultation(), evidence);
        say("evidence: " + evidence);
    }

    /** Waits for a note that asks for the procedure and is not answered yet, and answers it with a document. */
    private void answer(String to, Path annex) throws Exception {
        Watch.begin(casework, cursor);
        Message question = waitFor(
                outside -> outside.getSender().equals(to) && !hasSent(outside.getConsultation()),
                inside -> inside.getAct().getCorrespondence().getSubject().equals(SUBJECT)
                        && inside.getInReplyTo().isEmpty());
        say("asked by " + question.getRegisterNumber() + ": "
                + question.getContent().getAct().getCorrespondence().getSubject());
        DraftContent content = note(to, "encloses the procedure by which wishes are recorded.")
                .setConsultation(question.getConsultation())
                .setInReplyTo(question.getName())
                .addDocuments(DraftDocument.newBuilder()
                        .setDocumentId("annex").setUploadDigest(casework.upload(annex))
                        .setTitle("Annex: procedure").setDocumentClass(DocumentClass.DOCUMENT_CLASS_LEGAL_BASIS)
                        .setLanguage("en").setMediaType("application/pdf"))
                .build();
        // Whoever answers the same message twice by a mistake or after a crash, answers it once.
        String id = question.getName().substring("messages/".length());
        send("answer-" + id.substring(0, 32), content);
    }

    /** Drafts, has it cleared and released by others. Request ids come of the job: run again, each step is done once. */
    private Message send(String job, DraftContent content) throws Refused, IOException, InterruptedException {
        CreateDraftRequest create = CreateDraftRequest.newBuilder()
                .setRequestId(job + "-create").setContent(content).addClearBy("legal-01").build();
        Draft draft = casework.call(desk -> desk.createDraft(create));
        say("drafted " + draft.getFormalNumber() + ", " + draft.getName());
        ClearDraftRequest clear = ClearDraftRequest.newBuilder()
                .setRequestId(job + "-clear").setName(draft.getName()).build();
        legal.call(desk -> desk.clearDraft(clear));
        ReleaseDraftRequest release = ReleaseDraftRequest.newBuilder()
                .setRequestId(job + "-release").setName(draft.getName()).build();
        Message sent = head.call(desk -> desk.releaseDraft(release)).getMessages(0);
        say("released " + sent.getRegisterNumber() + " to " + sent.getRecipient() + ", " + sent.getName());
        return sent;
    }

    /** What is asked of a message that was not opened yet. */
    private interface Look {
        boolean at(Message message) throws Exception;
    }

    /**
     * Waits for a received message: first among those that are here already, then among those that come. `outside` looks
     * at what the register says of it; only then is it opened, which marks it as read, for `inside`.
     */
    private Message waitFor(Look outside, Predicate<MessageContent> inside) throws Exception {
        for (Message here : received()) {
            Message found = look(here, outside, inside);
            if (found != null) {
                return found;
            }
        }
        CompletableFuture<Message> come = new CompletableFuture<>();
        try (Watch watch = new Watch(casework, cursor, event -> {
            if (event.getKind() == EventKind.EVENT_KIND_MESSAGE_RECEIVED && !come.isDone()) {
                GetMessageRequest unopened = GetMessageRequest.newBuilder()
                        .setName(event.getSubject()).setReadMask(OUTSIDE).build();
                Message found = look(casework.call(desk -> desk.getMessage(unopened)), outside, inside);
                if (found != null) {
                    come.complete(found);
                }
            }
        })) {
            CompletableFuture.anyOf(come, watch.ended()).get(PATIENCE_S, TimeUnit.SECONDS);
            return come.join();
        } catch (ExecutionException ended) {
            throw ended.getCause() instanceof Exception cause ? cause : ended;
        }
    }

    private Message look(Message message, Look outside, Predicate<MessageContent> inside) throws Exception {
        if (!outside.at(message)) {
            return null;
        }
        GetMessageRequest opened = GetMessageRequest.newBuilder().setName(message.getName()).build();
        Message read = casework.call(desk -> desk.getMessage(opened));
        return inside.test(read.getContent()) ? read : null;
    }

    /** Every received message, page by page, without opening one. */
    private List<Message> received() throws Refused, IOException, InterruptedException {
        return all(ListMessagesRequest.newBuilder().setDirection(Direction.DIRECTION_RECEIVED));
    }

    /** Whether this ministry said anything in a consultation. */
    private boolean hasSent(String consultation) throws Refused, IOException, InterruptedException {
        return !all(ListMessagesRequest.newBuilder()
                .setDirection(Direction.DIRECTION_SENT).setConsultation(consultation)).isEmpty();
    }

    private List<Message> all(ListMessagesRequest.Builder which) throws Refused, IOException, InterruptedException {
        var messages = new ArrayList<Message>();
        ListMessagesResponse page;
        do {
            ListMessagesRequest request = which.setReadMask(OUTSIDE).build();
            page = casework.call(desk -> desk.listMessages(request));
            messages.addAll(page.getMessagesList());
            which.setPageToken(page.getNextPageToken());
        } while (!page.getNextPageToken().isEmpty());
        return messages;
    }

    /** A note verbale with one official text. */
    private static DraftContent.Builder note(String to, String words) {
        return DraftContent.newBuilder()
                .addTo(to)
                .setPrecedence(Precedence.PRECEDENCE_ROUTINE)
                .setLevel(Level.LEVEL_RESTRICTED)
                .setForm(Form.FORM_NOTE_VERBALE)
                .addTexts(DraftText.newBuilder()
                        .setDocumentId("en").setLanguage("en")
                        .setStanding(DocumentStanding.DOCUMENT_STANDING_OFFICIAL)
                        .setTitle("Note verbale")
                        .setWords("The Ministry presents its compliments to the Ministry and " + words + "\n"
                                + "The Ministry avails itself of this opportunity to renew the assurances of its "
                                + "highest consideration.\n"))
                .setAct(Act.newBuilder().setCorrespondence(Correspondence.newBuilder().setSubject(SUBJECT)));
    }

    private static void say(String text) {
        System.out.println(text);
    }

    @Override
    public void close() {
        casework.close();
        legal.close();
        head.close();
    }
}
