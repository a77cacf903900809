// The C# lines of docs/integrate.md that make and send the note, as they stand there: Guide HOST PORT SERVER_NAME CLIENTS
using System;
using System.IO;
using Chancery.Consultation.V1;
using Chancery.Desk.V1;
using Chancery.Message.V1;

DeskService.DeskServiceClient Connect(string client) =>
    Desk.Connect(args[0], int.Parse(args[1]), args[2], Path.Combine(args[3], client));
var casework = Connect("casework");
var legal = Connect("legal");
var head = Connect("head");
//LINES//
Console.WriteLine(sent.RegisterNumber);
