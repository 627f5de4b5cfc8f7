FROM nginx:1.27-alpine-slim

# The pages change most often, so they come last.
COPY nginx.conf /etc/nginx/templates/default.conf.template
COPY --link --chmod=u=rwX,go=rX assets /usr/share/nginx/html/assets
COPY --link ["error pages/404.html", "error pages/50x.html", "/usr/share/nginx/html/"]
COPY <<robots.txt <<"health" /usr/share/nginx/html/
User-agent: *
Disallow: /drafts
robots.txt
$ok
health
COPY --parents docs/./guide/*.html docs/./reference/*.html /usr/share/nginx/html/
COPY pages/ /usr/share/nginx/html/
EXPOSE 80-81/tcp 443/udp
