// A first note, released: FirstNote HOST PORT SERVER_NAME CLIENTS TO JOB
//
// CLIENTS is the folder with casework/, legal/ and head/, each as `chancery desk enrol` wrote it.
using System;
using System.Globalization;
using System.IO;
using Chancery.Consultation.V1;
using Chancery.Desk.V1;
using Chancery.Message.V1;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

if (args.Length != 6)
{
    Console.Error.WriteLine("usage: FirstNote HOST PORT SERVER_NAME CLIENTS TO JOB");
    return 2;
}
var job = args[5];
var casework = Connect("casework");
var legal = Connect("legal");
var head = Connect("head");
try
{
    // Before anything is sent: a cursor of now. Keep it, and no event is missed whatever breaks.
    using var events = casework.WatchEvents(
        new WatchEventsRequest { FromNow = true }, deadline: DateTime.UtcNow.AddSeconds(120));
    if (!await events.ResponseStream.MoveNext())
    {
        throw new IOException("the watch ended before it began");
    }
    Console.WriteLine("watching from " + events.ResponseStream.Current.Cursor);

    // Request ids come of the job: whoever runs this twice sends one note.
    var draft = await casework.CreateDraftAsync(
        new CreateDraftRequest { RequestId = job + "-create", Content = Note(args[4]), ClearBy = { "legal-01" } },
        deadline: Soon());
    Console.WriteLine("drafted " + draft.FormalNumber + ", " + draft.Name);
    await legal.ClearDraftAsync(
        new ClearDraftRequest { RequestId = job + "-clear", Name = draft.Name }, deadline: Soon());
    var release = new ReleaseDraftRequest { RequestId = job + "-release", Name = draft.Name };
    var sent = (await head.ReleaseDraftAsync(release, deadline: Soon())).Messages[0];
    Console.WriteLine("released " + sent.RegisterNumber + ", " + sent.Name);
    // Where this runs a second time, it was delivered before the watch began.
    var state = new GetMessageRequest { Name = sent.Name, ReadMask = new FieldMask { Paths = { "state" } } };
    if ((await head.GetMessageAsync(state, deadline: Soon())).State == SentState.Delivered)
    {
        Console.WriteLine("delivered " + sent.Name);
        return 0;
    }

    await foreach (var one in events.ResponseStream.ReadAllAsync())
    {
        Console.WriteLine(one.Kind + " " + one.Subject);
        if (one.Kind == EventKind.MessageDelivered && one.Subject == sent.Name)
        {
            Console.WriteLine("delivered " + sent.Name);
            return 0;
        }
    }
    throw new IOException("the watch ended before the note was delivered");
}
catch (RpcException refused)
{
    Explain(refused);
    return 1;
}

DeskService.DeskServiceClient Connect(string client) =>
    Desk.Connect(args[0], int.Parse(args[1], CultureInfo.InvariantCulture), args[2], Path.Combine(args[3], client));

// UTC: another kind of time is refused.
static DateTime Soon() => DateTime.UtcNow.AddSeconds(30);

static DraftContent Note(string to) => new DraftContent
{
    To = { to },
    Precedence = Precedence.Routine,
    Level = Level.Restricted,
    Form = Form.NoteVerbale,
    Texts =
    {
        new DraftText
        {
            DocumentId = "en",
            Language = "en",
            Standing = DocumentStanding.Official,
            Title = "Note verbale",
            Words = "The Ministry presents its compliments to the Ministry and asks by which procedure wishes of "
                + "prisoners are recorded.\nThe Ministry avails itself of this opportunity to renew the assurances "
                + "of its highest consideration.\n",
        },
    },
    Act = new Act { Correspondence = new Correspondence { Subject = "Prisoners of war: procedure" } },
};

// The reason for programs, the fields that are wrong, and when to come back.
static void Explain(RpcException refused)
{
    Console.Error.WriteLine(refused.StatusCode + ": " + refused.Status.Detail);
    var told = refused.GetRpcStatus();
    if (told?.GetDetail<ErrorInfo>() is { } information)
    {
        Console.Error.WriteLine("reason " + information.Reason);
    }
    if (told?.GetDetail<BadRequest>() is { } wrong)
    {
        foreach (var field in wrong.FieldViolations)
        {
            Console.Error.WriteLine("  " + field.Field + ": " + field.Description);
        }
    }
    if (told?.GetDetail<RetryInfo>() is { } retry)
    {
        Console.Error.WriteLine("again in " + retry.RetryDelay.Seconds + " s");
    }
}
