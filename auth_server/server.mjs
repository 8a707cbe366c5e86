// A Better Auth server on the site's PostgreSQL database: e-mail and password, JWTs, bearer tokens and the admin plugin.
// docs/accounts.md describes its environment variables.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { admin, bearer, jwt } from "better-auth/plugins";
import pg from "pg";

// `manage.py migrate` uses the same number: the two must not create the same table at once.
const MIGRATION_LOCK = 8_031_966;

const env = process.env;
for (const name of ["DATABASE_URL", "BETTER_AUTH_SECRET"]) {
  if (!env[name]) {
    console.error(`${name} is not set.`);
    process.exit(1);
  }
}
const host = env.HOST || "127.0.0.1";
const port = Number(env.PORT || 3000);
const pool = new pg.Pool({ connectionString: env.DATABASE_URL });
// Without a listener, a dropped idle connection ends the process.
pool.on("error", (error) => console.error(`database: ${error.message}`));

const options = {
  baseURL: env.BETTER_AUTH_URL || `http://${host}:${port}`,
  secret: env.BETTER_AUTH_SECRET,
  database: pool,
  emailAndPassword: { enabled: true },
  user: { deleteUser: { enabled: true } },
  plugins: [jwt({ jwks: { keyPairConfig: { alg: env.JWT_ALGORITHM || "EdDSA" } } }), bearer(), admin()],
  // The site forwards each user's address: limits apply to users, not to the site.
  rateLimit: { enabled: env.RATE_LIMIT !== "off" },
  session: { cookieCache: env.COOKIE_CACHE ? { enabled: true, strategy: env.COOKIE_CACHE } : { enabled: false } },
  advanced: {
    cookiePrefix: env.BETTER_AUTH_COOKIE_PREFIX || "better-auth",
    database: env.GENERATE_ID === "uuid" ? { generateId: "uuid" } : {},
    crossSubDomainCookies: env.COOKIE_DOMAIN ? { enabled: true, domain: env.COOKIE_DOMAIN } : { enabled: false },
  },
};

async function migrate() {
  const lock = new pg.Client({ connectionString: env.DATABASE_URL });
  await lock.connect();
  try {
    // A session-level lock does not work through a pooler.
    await lock.query("BEGIN");
    await lock.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    const { toBeCreated, toBeAdded, schemaProblems, runMigrations } = await getMigrations(options);
    if (schemaProblems?.length) console.error(`schema problems: ${JSON.stringify(schemaProblems)}`);
    await runMigrations();
    await lock.query("COMMIT");
    console.log(`migrated: ${toBeCreated.length} tables created, ${toBeAdded.length} extended`);
  } finally {
    await lock.end();
  }
}

await migrate();
if (env.MIGRATE_ONLY) {
  await pool.end();
} else {
  const handle = toNodeHandler(betterAuth(options));
  const server = createServer((request, response) => {
    // The handler rejects on a malformed header. Unhandled, that would end the process.
    Promise.resolve()
      .then(() => handle(request, response))
      .catch((error) => {
        console.error(`request failed: ${error.name}`);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
  });
  server.keepAliveTimeout = 65_000; // longer than the idle timeout of any client
  server.listen(port, host, () => console.log(`Better Auth listens at http://${host}:${port}`));
  process.on("SIGTERM", () => server.close(() => pool.end().then(() => process.exit(0))));
}
