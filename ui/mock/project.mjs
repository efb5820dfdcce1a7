// The invented project that the mock server shows: the pipelines of examples/, and one with a thousand tasks.
import { readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

const task = (name, kind, needs, summary, more = {}) => ({
  name,
  kind,
  needs,
  summary,
  reads: [],
  writes: [],
  place: null,
  rows: 0,
  seconds: 0.3,
  ...more,
});

const sales = {
  name: 'sales',
  description: 'A year of sales, generated, validated, cleaned, aggregated and published every Tuesday',
  tags: ['finance', 'weekly'],
  schedule: {
    cron: '45 12 * * TUE',
    timezone: 'Europe/Moscow',
    text: '45 12 * * TUE (Europe/Moscow)',
    everyS: 7 * 86400,
    firstS: 5 * 86400 + 9.75 * 3600, // 1970-01-06, a Tuesday
  },
  params: [
    { name: 'rows', type: 'integer', default: 1000000, description: 'How many sales to generate' },
    { name: 'seed', type: 'integer', default: 7, description: 'The same seed makes the same sales' },
  ],
  file: 'examples/sales/pipelines/sales.yml',
  tasks: [
    task('generate', 'generate', [], 'rows by generators/sales.yml', {
      writes: ['files/{{ run.id }}/sales.csv'],
      rows: 1000000,
      seconds: 0.21,
    }),
    task('stage', 'copy', ['generate'], 'files/{{ run.id }}/sales.csv → warehouse.raw_sales, replace', {
      reads: ['files/sales.csv'],
      writes: ['warehouse.raw_sales'],
      rows: 1000000,
      seconds: 0.65,
    }),
    task('validate', 'check', ['stage'], '13 rules on warehouse.raw_sales', {
      reads: ['warehouse.raw_sales'],
      writes: ['warehouse.rejected_sales', 'warehouse.valid_sales'],
      rows: 15524,
      seconds: 0.52,
    }),
    task('clean', 'model', ['validate'], 'models +clean_sales', {
      reads: ['warehouse.valid_sales'],
      writes: ['warehouse.typed_sales', 'warehouse.clean_sales'],
      rows: 970297,
      seconds: 0.9,
      nodes: [
        { name: 'typed_sales', kind: 'table' },
        { name: 'clean_sales', kind: 'table', needs: ['typed_sales'] },
      ],
    }),
    task('account', 'model', ['clean'], 'models removed_duplicates', {
      reads: ['warehouse.clean_sales', 'warehouse.typed_sales'],
      writes: ['warehouse.removed_duplicates'],
      rows: 14063,
      seconds: 0.24,
      nodes: [{ name: 'removed_duplicates', kind: 'table' }],
    }),
    task('load', 'copy', ['clean'], 'warehouse.clean_sales → shop.sales, replace', {
      reads: ['warehouse.clean_sales'],
      writes: ['shop.sales'],
      rows: 970297,
      seconds: 1.3,
    }),
    task('aggregate', 'model', ['load'], 'models sales_aggregates', {
      reads: ['shop.sales'],
      writes: ['shop.sales_aggregates'],
      rows: 2000,
      seconds: 0.37,
      nodes: [{ name: 'sales_aggregates', kind: 'table' }],
    }),
    task('publish', 'copy', ['aggregate', 'account'], 'shop.sales_aggregates → warehouse.sales_aggregates, append', {
      reads: ['shop.sales_aggregates'],
      writes: ['warehouse.sales_aggregates'],
      rows: 2000,
      seconds: 0.16,
    }),
    task('reconcile', 'reconcile', ['publish'], 'shop.sales_aggregates = warehouse.sales_aggregates', {
      reads: ['shop.sales_aggregates', 'warehouse.sales_aggregates'],
      rows: 4000,
      seconds: 0.06,
    }),
  ],
  checks: [
    ['validate', 'has_rows', 'error', 0],
    ['validate', 'no_value_is_missing', 'quarantine', 4093],
    ['validate', 'quantity_is_positive', 'quarantine', 2015],
    ['validate', 'date_is_a_date', 'quarantine', 3010],
    ['validate', 'region_is_known', 'quarantine', 2961],
    ['validate', 'amount_matches_unit_price', 'quarantine', 1499],
    ['validate', 'sale_id_is_unique', 'warn', 14063],
    ['validate', 'data_is_fresh', 'warn', 0],
    ['clean/clean_sales', 'unique_sale_id', 'error', 0],
    ['clean/clean_sales', 'accepted_values_region', 'error', 0],
    ['account/removed_duplicates', 'no_row_has_disappeared', 'error', 0],
    ['reconcile', 'every_value_is_equal', 'error', 0],
  ],
};

const astronauts = {
  name: 'astronauts',
  description: 'People in space → raw_data → (materialised view) → people → people_per_craft, people_summary',
  tags: ['api'],
  schedule: { cron: '0 * * * *', timezone: 'UTC', text: '0 * * * * (UTC)', everyS: 3600 },
  params: [],
  file: 'examples/astronauts/pipelines/astronauts.yml',
  tasks: [
    task('prepare', 'sql', [], 'sql/raw_data.sql on warehouse', { writes: ['warehouse.people'], seconds: 0.05 }),
    task('extract', 'copy', ['prepare'], 'open_notify.people → warehouse.raw_data, append', {
      reads: ['open_notify.people'],
      writes: ['warehouse.raw_data'],
      rows: 1,
      seconds: 0.4,
    }),
    task('validate', 'check', ['extract'], '4 rules on warehouse.raw_data', {
      reads: ['warehouse.raw_data'],
      seconds: 0.08,
    }),
    task('marts', 'model', ['validate'], 'models *', {
      reads: ['warehouse.people'],
      writes: ['warehouse.people_per_craft', 'warehouse.people_summary'],
      rows: 3,
      seconds: 0.3,
      nodes: [
        { name: 'stg_people', kind: 'view' },
        { name: 'people_per_craft', kind: 'table', needs: ['stg_people'] },
        { name: 'people_summary', kind: 'table', needs: ['stg_people'] },
      ],
    }),
  ],
  checks: [
    ['validate', 'has_an_answer', 'error', 0],
    ['validate', 'api_says_success', 'error', 0],
    ['validate', 'number_is_that_of_the_people', 'error', 0],
    ['validate', 'answer_is_fresh', 'warn', 0],
  ],
};

const marts_by_dbt = {
  name: 'marts_by_dbt',
  description: 'The same marts, built by your own dbt',
  tags: ['dbt'],
  schedule: null,
  params: [
    { name: 'venv', type: 'text', default: '.venv', description: 'The virtual environment that has dbt' },
    { name: 'command', type: 'text', default: 'build', description: null },
    { name: 'full_refresh', type: 'flag', default: false, description: 'Rebuild incremental models from nothing' },
  ],
  file: 'examples/astronauts/pipelines/marts_by_dbt.yml',
  tasks: [
    task('marts', 'dbt', [], 'dbt {{ params.command }}', {
      reads: ['warehouse.people'],
      writes: ['warehouse.people_per_craft', 'warehouse.people_summary'],
      rows: 3,
      seconds: 6.2,
    }),
  ],
  checks: [],
};

const endpoints = [
  'launches',
  'rockets',
  'launchpads',
  'landpads',
  'payloads',
  'cores',
  'capsules',
  'crew',
  'ships',
  'dragons',
  'company',
  'roadster',
  'history',
  'starlink',
];
const lists = [
  'launches_failures',
  'launches_payloads',
  'launches_cores',
  'launches_capsules',
  'launches_ships',
  'launches_fairings_ships',
  'launches_crew',
  'rockets_payload_weights',
  'payloads_customers',
  'payloads_nationalities',
  'payloads_manufacturers',
  'ships_roles',
];
const load = {
  name: 'load',
  description:
    'The SpaceX API → PostgreSQL publisher → logical replication → PostgreSQL subscriber → ClickHouse, which reads it there',
  tags: ['api', 'replication'],
  schedule: { cron: '0 4 * * *', timezone: 'UTC', text: '0 4 * * * (UTC)', everyS: 86400 },
  params: [],
  file: 'examples/spacex/pipelines/load.yml',
  tasks: [
    ...endpoints.map((name, index) =>
      task(name, 'copy', [], `api.${name} → publisher.${name}, merge`, {
        reads: [`api.${name}`],
        writes: [`publisher.${name}`],
        rows: name === 'starlink' ? 3526 : 20 + ((index * 53) % 190),
        seconds: 0.2 + (index % 4) * 0.1,
      }),
    ),
    ...lists.map((name, index) =>
      task(name, 'copy', [name.split('_')[0]], `api.${name.replace('_', '.')} → publisher.${name}, replace`, {
        reads: [`api.${name.replace('_', '.')}`],
        writes: [`publisher.${name}`],
        rows: 31 + ((index * 71) % 300),
        seconds: 0.15,
      }),
    ),
    task('replicate', 'replicate', [...endpoints, ...lists], 'publisher → subscriber, until caught up', {
      reads: ['publisher.launches'],
      writes: ['subscriber.launches'],
      rows: 6120,
      seconds: 1.9,
    }),
    task('mirror', 'replicate', ['replicate'], 'subscriber → warehouse, into spacex', {
      reads: ['subscriber.launches'],
      writes: ['warehouse.spacex.launches'],
      seconds: 0.4,
    }),
  ],
  checks: [['replicate', 'every_row_is_equal', 'error', 0]],
};

const create_data_marts = {
  name: 'create_data_marts',
  description: 'The marts, from what load has brought; it refuses to build them from nothing or from an old load',
  tags: ['dbt'],
  schedule: { cron: '30 4 * * *', timezone: 'UTC', text: '30 4 * * * (UTC)', everyS: 86400 },
  after: [{ pipeline: 'load' }],
  params: [],
  file: 'examples/spacex/pipelines/create_data_marts.yml',
  tasks: [
    task('mirror', 'replicate', [], 'subscriber → warehouse, into spacex', {
      reads: ['subscriber.launches'],
      writes: ['warehouse.spacex.launches'],
      seconds: 0.3,
    }),
    task('loaded', 'check', ['mirror'], '2 rules on warehouse.spacex.launches', {
      reads: ['warehouse.spacex.launches'],
      seconds: 0.07,
    }),
    task('marts', 'model', ['loaded'], 'models *', {
      reads: ['warehouse.spacex.launches'],
      writes: ['warehouse.launches_by_year', 'warehouse.core_reuse', 'warehouse.payload_mass_by_customer'],
      rows: 412,
      seconds: 0.8,
      nodes: [
        { name: 'stg_launches', kind: 'view' },
        { name: 'launches_by_year', kind: 'table', needs: ['stg_launches'] },
        { name: 'core_reuse', kind: 'table', needs: ['stg_launches'] },
        { name: 'payload_mass_by_customer', kind: 'table', needs: ['stg_launches'] },
      ],
    }),
  ],
  checks: [
    ['loaded', 'has_launches', 'error', 0],
    ['loaded', 'load_is_fresh', 'error', 0],
  ],
};

// Twenty layers of fifty: each task needs one to three of the layer before.
const thousand = {
  name: 'thousand',
  description: 'A thousand tasks in twenty layers, to see how the pages bear it',
  tags: ['load-test'],
  schedule: { every: '15m', timezone: 'UTC', text: 'every 15m', everyS: 900 },
  params: [],
  file: null,
  tasks: Array.from({ length: 1000 }, (_, index) => {
    const layer = Math.floor(index / 50);
    const name = (l, i) => `layer_${String(l).padStart(2, '0')}_part_${String(i).padStart(2, '0')}`;
    const needs =
      layer === 0
        ? []
        : [...new Set([index % 50, (index * 7 + layer) % 50, ...(index % 3 ? [] : [(index * 13) % 50])])].map((i) =>
            name(layer - 1, i),
          );
    return task(name(layer, index % 50), 'sql', needs, 'SELECT 1 on warehouse', {
      rows: (index * 37) % 5000,
      seconds: 0.01,
    });
  }),
  checks: [],
};

// It waits for its first run.
const returns = {
  name: 'returns',
  description: 'Goods that customers sent back; it has not run yet',
  tags: ['finance'],
  schedule: null,
  params: [],
  file: null,
  neverRan: true,
  tasks: [
    task('stage', 'copy', [], 'crm.returns → warehouse.returns, replace', {
      reads: ['crm.returns'],
      writes: ['warehouse.returns'],
      rows: 812,
    }),
  ],
  checks: [],
};

// A run executes steps: a task with nodes is one step a node, named task/node; what needs the task needs its last nodes.
function stepsOf(tasks) {
  const leaves = (name) => {
    const task = tasks.find((each) => each.name === name);
    if (!task?.nodes) return [name];
    return task.nodes
      .filter((node) => !task.nodes.some((other) => other.needs?.includes(node.name)))
      .map((node) => `${name}/${node.name}`);
  };
  return tasks.flatMap((task) => {
    const needs = task.needs.flatMap(leaves);
    if (!task.nodes) return [{ ...task, task: task.name, node: '', needs }];
    return task.nodes.map((node) => ({
      ...task,
      name: `${task.name}/${node.name}`,
      task: task.name,
      node: node.name,
      nodes: undefined,
      summary: `${node.kind} ${node.name}`,
      needs: node.needs ? node.needs.map((each) => `${task.name}/${each}`) : needs,
      writes: task.writes.filter((each) => each.endsWith('.' + node.name)),
      seconds: task.seconds / task.nodes.length,
      rows: node.kind === 'view' ? 0 : task.rows,
    }));
  });
}

// `--empty`: the project that somebody has only just made.
export const pipelines = process.argv.includes('--empty')
  ? []
  : [sales, astronauts, marts_by_dbt, load, create_data_marts, thousand, returns];
for (const pipeline of pipelines) {
  pipeline.text = pipeline.file ? read(pipeline.file) : `name: ${pipeline.name}\n# Its tasks are made by a template.\n`;
  const lines = pipeline.text.split('\n');
  for (const each of pipeline.tasks) {
    const line = lines.findIndex((text) => text.startsWith(`  ${each.name}:`));
    if (line >= 0) each.place = `pipelines/${pipeline.name}.yml:${line + 1}:3`;
  }
}

for (const pipeline of pipelines) {
  pipeline.written = pipeline.tasks;
  pipeline.tasks = stepsOf(pipeline.tasks);
}

export const columns = {
  'warehouse.raw_sales': [
    ['sale_id', 'String'],
    ['customer_id', 'String'],
    ['product_id', 'String'],
    ['quantity', 'String'],
    ['sale_date', 'String'],
    ['sale_amount', 'String'],
    ['region', 'String'],
  ],
  'shop.sales': [
    ['sale_id', 'bigint', 'Unique: the key of the table'],
    ['customer_id', 'bigint'],
    ['product_id', 'integer'],
    ['quantity', 'integer', 'At least 1'],
    ['sale_date', 'date'],
    ['sale_amount', 'numeric(12,2)', 'In EUR, quantity times the unit price'],
    ['region', 'text', 'north, south, east or west'],
  ],
  'warehouse.sales_aggregates': [
    ['region', 'LowCardinality(String)'],
    ['product_id', 'Int32'],
    ['sales_count', 'UInt64'],
    ['sales_amount', 'Decimal(18, 2)'],
    ['rank_in_region', 'UInt32', 'By sales_amount, 1 is the best'],
    ['share_of_region', 'Float64'],
    ['month_over_month_change', 'Nullable(Float64)'],
    ['import_date', 'Date', 'The day of the run that published it'],
    ['run_id', 'String'],
  ],
};
export const connections = [
  {
    name: 'open_notify',
    type: 'http',
    summary: 'A REST API, read by resource',
    managed: false,
    roles: ['source'],
    status: null,
    fields: [
      {
        name: 'url',
        type: 'string',
        value: 'http://api.open-notify.org',
        secret: false,
        set: true,
        doc: 'Where the API is',
      },
      { name: 'token', type: 'string', value: null, secret: true, set: false, doc: 'A bearer token' },
      {
        name: 'replay',
        type: 'path',
        value: 'recordings/before',
        secret: false,
        set: true,
        doc: 'A folder of recorded answers, read instead of the API',
      },
    ],
  },
  {
    name: 'crm',
    type: 'postgres',
    summary: 'PostgreSQL 12 and later',
    managed: false,
    roles: ['source', 'sink', 'database', 'replication'],
    status: null,
    fields: [
      {
        name: 'url',
        type: 'string',
        value: 'postgres://crm.internal:5432/crm',
        secret: false,
        set: true,
        doc: 'postgres://host:port/database',
      },
      { name: 'user', type: 'string', value: 'weir', secret: false, set: true, doc: 'Who Weir is there' },
      { name: 'password', type: 'string', value: null, secret: true, set: true, doc: 'That user’s password' },
      {
        name: 'ca_file',
        type: 'path',
        value: null,
        secret: false,
        set: false,
        doc: 'The certificates to trust instead of the system’s',
      },
    ],
  },
  {
    name: 'publisher',
    type: 'postgres',
    summary: 'PostgreSQL that Weir runs',
    managed: true,
    roles: ['source', 'sink', 'database', 'replication'],
    status: 'running',
    fields: [
      { name: 'managed', type: 'boolean', value: true, secret: false, set: true, doc: 'Weir runs a local server' },
    ],
  },
  {
    name: 'shop',
    type: 'postgres',
    summary: 'PostgreSQL that Weir runs',
    managed: true,
    roles: ['source', 'sink', 'database', 'replication'],
    status: 'running',
    fields: [
      { name: 'managed', type: 'boolean', value: true, secret: false, set: true, doc: 'Weir runs a local server' },
    ],
  },
  {
    name: 'warehouse',
    type: 'clickhouse',
    summary: 'The embedded ClickHouse',
    managed: true,
    roles: ['source', 'sink', 'database'],
    status: 'running',
    fields: [
      { name: 'managed', type: 'boolean', value: true, secret: false, set: true, doc: 'The embedded ClickHouse' },
      { name: 'user', type: 'string', value: null, secret: false, set: false, doc: 'Who Weir is there' },
      { name: 'password', type: 'string', value: null, secret: true, set: false, doc: 'That user’s password' },
    ],
  },
];

const setting = (name, type, doc, more = {}) => ({
  name,
  type,
  doc,
  required: false,
  secret: false,
  default: null,
  choices: [],
  fields: [],
  ...more,
});
export const connectors = [
  {
    name: 'postgres',
    summary: 'PostgreSQL 12 and newer: reads and writes with COPY BINARY, runs SQL models and checks',
    roles: ['source', 'sink', 'database', 'replication'],
    fields: [
      setting('managed', 'flag', 'Weir runs a local PostgreSQL for the project'),
      setting('host', 'text', 'Host name, address, or the folder of the unix socket'),
      setting('port', 'integer', 'TCP port', { default: 5432 }),
      setting('user', 'text', 'Role to sign in as'),
      setting('password', 'text', "The role's password", { secret: true }),
      setting('sslmode', 'choice', 'How the connection is encrypted', { choices: ['disable', 'require'] }),
    ],
  },
];
