ARG NODE=node:22-slim
FROM $NODE AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts

FROM dependencies as build
COPY . .
ENV NODE_ENV=production
RUN npm run build && \
    # development packages are of no use from here on
    npm prune --omit=dev

FROM $NODE
LABEL org.opencontainers.image.title="Web shop" \
      org.opencontainers.image.source=https://example.com/shop.git
ENV NODE_ENV=production \
    PORT=3000
WORKDIR /app
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
USER node
EXPOSE $PORT
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s --retries=3 \
    CMD node dist/healthcheck.js || exit 1
STOPSIGNAL SIGTERM
CMD ["node", "dist/server.js"]
