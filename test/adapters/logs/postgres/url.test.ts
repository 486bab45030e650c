import { chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { LogUnavailable, LogUnusable } from '../../../../adapters/logs/log.ts';
import { Connection } from '../../../../adapters/logs/postgres/database.ts';
import { openPostgres } from '../../../../adapters/logs/postgres/open.ts';
import { configOf } from '../../../../adapters/logs/postgres/url.ts';
import { record, storeOptions } from '../../../contracts/log.ts';
import { certificate } from '../../../support/certificate.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { type Postgres, startPostgres } from '../../../support/postgres.ts';
import { until } from '../../../support/until.ts';

const SECRET = 's3cr3t-of-the-database';
const folder = temporaryFolder();
const root = join(folder.path, 'root.pem');
writeFileSync(root, certificate.cert);
writeFileSync(join(folder.path, 'key.pem'), certificate.key);
writeFileSync(join(folder.path, 'torn.pem'), certificate.cert.slice(0, 200));
writeFileSync(join(folder.path, 'empty.pem'), '');

describe('the URL of a database', ({ it }) => {
  const read = (query: string, encrypt = false) => configOf(`postgres://u:p@h:5432/d${query}`, encrypt, 'test');
  const ways = (query: string, encrypt = false) => {
    const { ssl, otherwise } = read(query, encrypt);
    return otherwise === undefined ? [ssl] : [ssl, otherwise];
  };
  const anybody = { rejectUnauthorized: false };
  const isSigned = (way: unknown) => {
    const { rejectUnauthorized, ca, checkServerIdentity } = way as Record<string, unknown>;
    return rejectUnauthorized === true && ca === certificate.cert && checkServerIdentity !== undefined;
  };

  it('says how it is spoken to, as libpq understands it', () => {
    assert.equal(ways(''), [false]);
    assert.equal(ways('', true), [anybody]);
    assert.equal(ways('?sslmode=disable', true), [false]);
    assert.equal(ways('?sslmode=allow'), [false, anybody]);
    assert.equal(ways('?sslmode=prefer'), [anybody, false]);
    for (const mode of ['require', 'no-verify']) assert.equal(ways(`?sslmode=${mode}`), [anybody]);
    assert.equal(ways('?ssl=true'), [anybody]);
    assert.equal(ways('?sslmode=verify-full'), [{ rejectUnauthorized: true }]);
    assert.equal(ways(`?sslmode=verify-full&sslrootcert=${root}`), [
      { rejectUnauthorized: true, ca: certificate.cert },
    ]);
    for (const query of ['?sslrootcert=system', '?sslrootcert=system&sslmode=verify-full'])
      assert.equal(ways(query), [{ rejectUnauthorized: true }]);
    assert.equal(ways('?sslmode=require&ssl_min_protocol_version=TLSv1.3'), [{ ...anybody, minVersion: 'TLSv1.3' }]);
  });

  it('has a root looked at in every mode that speaks TLS', () => {
    const signed = (mode: string) => ways(`?sslmode=${mode}&sslrootcert=${root}`).map((way) => way && isSigned(way));
    assert.equal(signed('require'), [true]);
    assert.equal(signed('verify-ca'), [true]);
    assert.equal(signed('prefer'), [true, false]);
    assert.equal(signed('allow'), [false, true]);
  });

  it('gives a certificate of its own where it names one', () => {
    const [way] = ways(`?sslmode=require&sslcert=${root}&sslkey=${join(folder.path, 'key.pem')}`);
    assert.equal(way, { ...anybody, cert: certificate.cert, key: certificate.key });
  });

  it('says where the database is, in all the ways of libpq', () => {
    const place = (url: string) => {
      const { host, port, user, password, database, ssl } = configOf(url, true, 'test');
      return [host, port, user, password, database, ssl !== false].join(' ');
    };
    assert.is(
      place('postgres://me:a%40b%25c%2Fd@db.example.com:5433/shop'),
      'db.example.com 5433 me a@b%c/d shop true',
    );
    assert.is(place('postgresql://me:a@b:c#d@h/x%20y'), 'h  me a@b:c#d x y true');
    assert.is(place('postgres://me@[::1]:1/d'), '::1 1 me  d true');
    assert.is(place('postgres://me@/d?host=/run/postgresql&port=5433'), '/run/postgresql 5433 me  d false');
    assert.is(place('postgres://%2Frun%2Fpostgresql/d?user=me&password=a+b'), '/run/postgresql  me a+b d false');
    assert.is(place('postgres://h?dbname=d&user=me&sslmode=disable'), 'h  me  d false');
    const {
      application_name: name,
      connectionTimeoutMillis: ms,
      options,
    } = read('?application_name=mine&connect_timeout=7&options=-c%20geqo%3Doff');
    assert.equal([name, ms, options], ['mine', 7000, '-c geqo=off']);
  });

  const refused: readonly (readonly [url: string, sentence: RegExp])[] = [
    [`postgres://u:${SECRET}%zz@h/d`, /must be postgres:.* cannot be read as that; in a password write % as %25/],
    [`postgres://u:${SECRET}/x@h/d`, /cannot be read as that/],
    [`postgres://u:${SECRET}?x@h/d`, /cannot be read as that/],
    [`postgres://u:1?${SECRET}=x@h/d`, /must have no parameters but host, port, .*, got another; take it out/],
    [`postgres:u:${SECRET}@h/d`, /cannot be read as that/],
    [`postgres://u:${SECRET}@h1:1,h2:2/d`, /must name one host, got several; give a name/],
    [`postgres://u:${SECRET}@/d?host=h1,h2`, /must name one host/],
    [`postgres://u:${SECRET}@/d`, /must name a host, got none; for a Unix socket add \?host=/],
    [`postgres://u:${SECRET}@h:0/d`, /LOG_URL: the port must be a whole number from 1 to 65535, got another value; /],
    [`postgres://u:${SECRET}@h/d?sslmode=maybe`, /LOG_URL: sslmode must be one of disable, allow, /],
    [`postgres://u:${SECRET}@h/d?ssl=1`, /LOG_URL: ssl must be true, got another value; /],
    [
      `postgres://u:${SECRET}@h/d?sslmode=require&sslrootcert=system`,
      /must be verify-full where sslrootcert is system/,
    ],
    [`postgres://u:${SECRET}@h/d?sslmode=verify-ca`, /LOG_URL: sslmode=verify-ca must come with sslrootcert, /],
    [
      `postgres://u:${SECRET}@h/d?sslrootcert=/none.pem`,
      /must name a file that can be read, got \/none\.pem \(ENOENT\)/,
    ],
    [`postgres://u:${SECRET}@h/d?sslrootcert=${folder.path}`, /must name a file that can be read, .*EISDIR/],
    [`postgres://u:${SECRET}@h/d?sslrootcert=${folder.path}/torn.pem`, /must name a file with certificates in PEM/],
    [`postgres://u:${SECRET}@h/d?sslrootcert=${folder.path}/empty.pem`, /must name a file with certificates in PEM/],
    [`postgres://u:${SECRET}@h/d?sslcert=${root}`, /LOG_URL: sslcert and sslkey must come together, got one; /],
    [`postgres://u:${SECRET}@h/d?sslcert=${root}&sslkey=${root}`, /sslkey .* with the private key of sslcert/],
    [`postgres://u:${SECRET}@h/d?sslnegotiation=direct`, /LOG_URL: sslnegotiation must be postgres where TLS may be/],
    [`postgres://u:${SECRET}@h/d?sslnegotiation=direct&sslmode=prefer`, /must be postgres where TLS may be left out/],
    [`postgres://u:${SECRET}@h/d?channel_binding=require`, /LOG_URL: channel_binding must be disable or prefer, /],
    [`postgres://u:${SECRET}@h/d?gssencmode=require`, /LOG_URL: gssencmode must be disable or prefer, /],
    [`postgres://u:${SECRET}@h/d?target_session_attrs=standby`, /must be any or read-write or primary, .*takes writes/],
    [`postgres://u:${SECRET}@h/d?connect_timeout=0`, /LOG_URL: connect_timeout must be a whole number of seconds/],
    [`postgres://u:${SECRET}@h/d?service=x`, /must have no parameters but/],
  ];
  for (const [url, sentence] of refused)
    it(`refuses ${url.replace(SECRET, '…').replace(folder.path, '')} in one sentence that holds nothing of it`, async () => {
      const error = await openPostgres(url, storeOptions()).then(
        () => assert.unreachable('it was opened'),
        (one: Error) => one,
      );
      assert.instance(error, LogUnusable);
      const { message, stack = '' } = error as Error;
      assert.match(message, sentence);
      assert.ok(!/\n/.test(message) && !`${message}${stack}`.includes(SECRET), message);
    });
});

describe('a database, its Unix socket and TLS', ({ it, before, after }) => {
  let postgres: Postgres;
  let url = '';
  before(async () => {
    postgres = await startPostgres({ settings: { unix_socket_directories: '/tmp' }, inMemory: true });
    url = await postgres.createDatabase();
  });
  after(async () => {
    await postgres.stop();
    folder.remove();
  });

  const write = (name: string, text: string): void => {
    const { uid, gid } = statSync(postgres.data);
    const path = join(postgres.data, name);
    writeFileSync(path, text, { mode: 0o600 });
    chownSync(path, uid, gid);
  };
  const speak = async (tls: 'on' | 'off', hba: string): Promise<void> => {
    write('server.crt', certificate.cert);
    write('server.key', certificate.key);
    write('pg_hba.conf', hba);
    await postgres.query('postgres', `alter system set ssl = ${tls}`);
    await postgres.query('postgres', 'select pg_reload_conf()');
    await until(async () => {
      const [row] = await postgres.query<{ ssl: string }>('postgres', 'show ssl').catch(() => []);
      return row?.ssl === tls;
    });
  };
  const local = 'host postgres postgres 127.0.0.1/32 trust\n';
  const isEncrypted = async (query: string): Promise<boolean | string> => {
    const connection = new Connection(configOf(`${url}${query}`, false, 'tls'));
    try {
      const [row] = await connection.ask('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
      return row?.ssl === true;
    } catch (error) {
      assert.instance(error, LogUnavailable);
      return (error as Error).message;
    } finally {
      await connection.close();
    }
  };

  it('is reached by the folder of its Unix socket', async () => {
    const name = new URL(url).pathname.slice(1);
    for (const socket of [
      `postgres://postgres@/${name}?host=/tmp&port=${postgres.port}`,
      `postgres://postgres@%2Ftmp:${postgres.port}/${name}?sslmode=verify-full`,
    ]) {
      const store = await openPostgres(socket, storeOptions());
      assert.is((await store.log.append(record([socket])))[0]?.kind, 'stored');
      await store.close();
    }
  });

  it('is spoken to as each mode says, where there is none', async () => {
    await speak('off', `${local}host all all 127.0.0.1/32 trust\n`);
    for (const mode of ['disable', 'allow', 'prefer']) assert.is(await isEncrypted(`?sslmode=${mode}`), false, mode);
    for (const mode of ['require', 'verify-full'])
      assert.match(String(await isEncrypted(`?sslmode=${mode}`)), /does not support SSL/, mode);
  });

  it('is spoken to as each mode says, where it is required', async () => {
    await speak('on', `${local}hostssl all all 127.0.0.1/32 trust\n`);
    for (const mode of ['allow', 'prefer', 'require']) assert.is(await isEncrypted(`?sslmode=${mode}`), true, mode);
    assert.match(String(await isEncrypted('?sslmode=disable')), /no encryption/);
    assert.is(await isEncrypted(`?sslmode=verify-ca&sslrootcert=${root}`), true);
    assert.match(String(await isEncrypted(`?sslmode=verify-full&sslrootcert=${root}`)), /does not match certificate/);
    assert.match(String(await isEncrypted('?sslrootcert=system')), /self-signed certificate/);
  });

  it('is spoken to as each mode says, where there is a choice', async () => {
    await speak('on', `${local}host all all 127.0.0.1/32 trust\n`);
    assert.equal(await Promise.all(['allow', 'prefer'].map((mode) => isEncrypted(`?sslmode=${mode}`))), [false, true]);
  });

  it('has one connection at a time, whichever way is taken, also after it was cut', async () => {
    await speak('off', `${local}host all all 127.0.0.1/32 trust\n`);
    const store = await openPostgres(`${url}?sslmode=prefer`, storeOptions());
    await store.log.append(record(['a']));
    await postgres.cutConnections(url);
    await until(() =>
      store.log.append(record(['b'])).then(
        () => true,
        () => false,
      ),
    );
    await Promise.all(Array.from({ length: 20 }, () => store.state.replays.all()));
    assert.ok(((await postgres.connections(url))['headless-events all'] ?? 0) <= 4);
    await store.close();
  });

  it('says both where neither way is let in', async () => {
    await speak('on', local);
    assert.match(
      String(await isEncrypted('?sslmode=prefer')),
      /no pg_hba.conf entry .*; and otherwise: no pg_hba.conf entry/,
    );
  });
});
