/*
 * Starts the libraries of the Functions host with host.json files, one after the other, and says of each what a start would
 * say: a line of JSON. The host itself is not on NuGet; what it does there with its own settings is repeated here. The first
 * argument names functions with their routes, and requests: which function would answer each, by the router of the host.
 *
 *     dotnet functions-host.dll routes.json host.json …
 */

using System.Globalization;
using Azure.Core.Pipeline;
using Azure.Storage.Queues;
using Microsoft.ApplicationInsights.WindowsServer.Channel.Implementation;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Constraints;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Azure.WebJobs.Extensions.DurableTask;
using Microsoft.Azure.WebJobs.Extensions.Http;
using Microsoft.Extensions.Azure;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using NuGet.Packaging;
using NuGet.Versioning;
using HttpOptions = Microsoft.Azure.WebJobs.Extensions.Http.HttpOptions;

const string Root = "AzureFunctionsJobHost";
Environment.SetEnvironmentVariable("FUNCTIONS_WORKER_RUNTIME", "node");
var azure = await CategoriesOfAzure();
var routing = JsonConvert.DeserializeObject<Routing>(File.ReadAllText(args[0]))!;
foreach (var file in args.Skip(1)) {
  var warnings = new List<string>();
  var quiet = new List<string>();
  var routed = new List<string?>();
  string? refused = null;
  try {
    await Start(JObject.Parse(File.ReadAllText(file)), warnings, quiet, routed);
  } catch (Exception error) {
    refused = error.Message;
  }
  Console.WriteLine("host.json: " + JsonConvert.SerializeObject(new { refused, warnings, azure, quiet, routed }));
}

async Task Start(JObject json, List<string> warnings, List<string> quiet, List<string?> routed) {
  var flat = Flat(Root, json).ToDictionary(setting => setting.Name, setting => setting.Value);
  flat["AzureWebJobsConfigurationSection"] = Root;
  flat["AzureWebJobsStorage"] = "UseDevelopmentStorage=true";
  var settings = new ConfigurationBuilder().AddInMemoryCollection(flat).Build().GetSection(Root);
  var own = settings.Get<HostJson>(strictly) ?? throw new FormatException("host.json is empty");
  if (own.Version != "2.0") throw new FormatException($"'{own.Version}' is an invalid value for host.json 'version' property");
  if (own.FunctionTimeout < TimeSpan.FromSeconds(1)) throw new FormatException("FunctionTimeout must be greater than 00:00:01");
  if (own.ExtensionBundle is not { Id: { } id, Version: { } range } || !PackageIdValidator.IsValidPackageId(id))
    throw new FormatException("extensionBundle has no valid id, or no version");
  if (!VersionRange.TryParse(range, true, out _)) throw new FormatException($"extensionBundle: no range of versions: {range}");

  using var host = new HostBuilder()
    .ConfigureAppConfiguration(configuration => configuration.AddInMemoryCollection(flat))
    .ConfigureLogging(logging => logging
      .AddConfiguration(settings.GetSection("Logging"))
      .AddProvider(new Listener((_, level, text) => { if (level >= LogLevel.Warning) warnings.Add(text); })))
    .ConfigureWebJobs(jobs => { jobs.AddHttp(); jobs.AddDurableTask(); })
    .Build();
  _ = host.Services.GetRequiredService<IOptions<LoggerFilterOptions>>().Value;
  var prefix = host.Services.GetRequiredService<IOptions<HttpOptions>>().Value.RoutePrefix;
  TemplateParser.Parse($"{prefix}/status".TrimStart('/'));
  foreach (var request in routing.Requests) routed.Add(await Answering(request, prefix));
  var wanted = host.Services.GetRequiredService<IOptions<DurableTaskOptions>>().Value.StorageProvider;
  var provider = host.Services.GetServices<IDurabilityProviderFactory>()
    .Single(factory => factory.Name == (string)wanted["type"]);
  provider.GetDurabilityProvider();
  // The extension drops what it does not know, in silence.
  JsonConvert.PopulateObject(
    JsonConvert.SerializeObject(wanted.Where(setting => setting.Key != "type").ToDictionary()),
    new AzureStorageOptions(), new() { MissingMemberHandling = MissingMemberHandling.Error });
  await host.StartAsync();
  await host.StopAsync();
  var loggers = host.Services.GetRequiredService<ILoggerFactory>();
  quiet.AddRange(azure.Where(category => !loggers.CreateLogger(category).IsEnabled(LogLevel.Information)));
}

/* The function that answers a request; none: the host itself does, at / with a page of its own. */
async Task<string?> Answering(string[] request, string prefix) {
  using var services = new ServiceCollection().AddLogging().AddRouting().BuildServiceProvider();
  var router = new WebJobsRouter(services.GetRequiredService<IInlineConstraintResolver>());
  var handler = new Called();
  var routes = router.CreateBuilder(handler, prefix);
  // As WebScriptHostHttpRoutesManager does.
  foreach (var (name, route, methods) in routing.Functions)
    routes.MapFunctionRoute(
      name,
      string.IsNullOrEmpty(route) ? name : route,
      new RouteValueDictionary { ["httpMethod"] = new HttpMethodRouteConstraint(methods) },
      name);
  router.AddFunctionRoutes(routes.Build(), null);
  var http = new DefaultHttpContext { RequestServices = services };
  http.Request.Method = request[0];
  http.Request.Path = request[1];
  var context = new RouteContext(http);
  await router.RouteAsync(context);
  if (context.Handler is { } answer) await answer(http);
  return handler.Name;
}

/* What the Azure SDK calls itself in the log where it says what it calls. */
static async Task<IReadOnlyCollection<string>> CategoriesOfAzure() {
  var found = new SortedSet<string>();
  using var loggers = LoggerFactory.Create(logging => logging.AddProvider(new Listener((name, level, _) => {
    if (level == LogLevel.Information) found.Add(name);
  })));
  using var forwarder = new AzureEventSourceLogForwarder(loggers);
  forwarder.Start();
  var queue = new QueueClient("UseDevelopmentStorage=true", "queue", new() { Transport = new HttpClientTransport(new Fine()) });
  await queue.CreateAsync();
  return found;
}

static IEnumerable<(string Name, string? Value)> Flat(string path, JToken token) => token switch {
  JObject some => some.Properties().SelectMany(property => Flat($"{path}:{property.Name}", property.Value)),
  JArray some => some.SelectMany((item, n) => Flat($"{path}:{n}", item)),
  JValue one => [(path, one.ToString(CultureInfo.InvariantCulture))],
  _ => [],
};

partial class Program {
  /* What binds to nothing is a mistake here, though the host would say nothing of it. */
  static readonly Action<BinderOptions> strictly = options => options.ErrorOnUnknownConfiguration = true;
}

/* Settings that are held against something. The host has a type of its own for its own ones. */
record HostJson {
  public string? Version { get; init; }
  public TimeSpan? FunctionTimeout { get; init; }
  public Bundle? ExtensionBundle { get; init; }
  public Logging? Logging { get; init; }
  public Extensions? Extensions { get; init; }
}
record Bundle { public string? Id { get; init; } public string? Version { get; init; } }
record Logging { public Dictionary<string, string>? LogLevel { get; init; } public Insights? ApplicationInsights { get; init; } }
record Insights { public Sampling? SamplingSettings { get; init; } }
class Sampling : SamplingPercentageEstimatorSettings { public bool IsEnabled { get; init; } }
record Extensions { public HttpOptions? Http { get; init; } public DurableTaskOptions? DurableTask { get; init; } }

record Routing(Function[] Functions, string[][] Requests);
record Function(string Name, string? Route, string[] Methods);

class Called : IWebJobsRouteHandler {
  public string? Name { get; private set; }
  public Task InvokeAsync(HttpContext context, string functionName) {
    Name = functionName;
    return Task.CompletedTask;
  }
}

class Fine : HttpMessageHandler {
  protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken _) =>
    Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.Created));
}

class Listener(Action<string, LogLevel, string> tell) : ILoggerProvider {
  public ILogger CreateLogger(string name) => new One(name, tell);
  public void Dispose() { }

  class One(string name, Action<string, LogLevel, string> tell) : ILogger {
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    public bool IsEnabled(LogLevel level) => true;
    public void Log<TState>(LogLevel level, EventId id, TState state, Exception? error, Func<TState, Exception?, string> text) =>
      tell(name, level, text(state, error));
  }
}
