import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;

// Says where it listens, and runs until it is killed.
class StandIn {
  // A client that names no batch size gets batches as MongoDB cuts them: a first one of 101 documents, then what fits a
  // reply. The library alone would send all that is left in one reply, which no client takes above 48 MB.
  static class Backend extends MemoryBackend {
    @Override
    public Document handleMessage(MongoMessage message) {
      Document command = message.getDocument();
      if (command.containsKey("find")) command.putIfAbsent("batchSize", 101);
      if (command.containsKey("getMore")) command.putIfAbsent("batchSize", 10_000);
      return super.handleMessage(message);
    }
  }

  public static void main(String[] arguments) {
    Backend backend = new Backend();
    backend.enableOplog(); // change streams
    MongoServer server = new MongoServer(backend);
    int port = arguments.length == 0 ? 0 : Integer.parseInt(arguments[0]);
    server.bind("127.0.0.1", port);
    System.out.println("mongodb://127.0.0.1:" + server.getLocalAddress().getPort());
    System.out.flush();
  }
}
