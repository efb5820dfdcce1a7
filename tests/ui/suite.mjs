// The pages in a real Chromium: against the mock server, or against `weir serve` of the sales example.
//   node --test tests/ui/suite.mjs
//   WEIR_BINARY=build/dev/weir node --test tests/ui/suite.mjs         a project and a server of its own
//   WEIR_URL=http://127.0.0.1:8817 node --test tests/ui/suite.mjs     a server that runs
// What changes the project (users, sign-in) comes last; a server that is given has to be without users.
import './suite/delivered.mjs';
import './suite/run.mjs';
import './suite/home.mjs';
import './suite/times.mjs';
import './suite/pipelines.mjs';
import './suite/runs.mjs';
import './suite/data.mjs';
import './suite/keyboard.mjs';
import './suite/users.mjs';
import './suite/empty.mjs';
import './suite/many.mjs';
