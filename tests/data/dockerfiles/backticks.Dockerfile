# escape=`
# A file written with backticks, so that paths with backslashes need no care.
FROM busybox AS tools
RUN printf 'C:\temp\%s\n' new > /list.txt && `
    true
LABEL path="C:\new\table" `
      quoted="say `"hi`""

FROM busybox
ENV GREETING=hello` world
COPY --from=tools /list.txt `
     /srv/
CMD echo "$GREETING"
